//! Who is next: due runs in the order of their turn, apart by what claims and limits go by.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_set},
    iter::Copied,
    ops::Bound,
};

use longhaul_core::{
    Label, Queue, Run, RunId, Timestamp,
    choose::{self, Line, Turn},
    code::KindSupport,
    store::QueueDepth,
};

/// What runs of one line have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    limited: choose::Lane,
    version: u16,
    requires: Vec<Label>,
}

impl Lane {
    fn of(run: &Run) -> Self {
        Self { limited: choose::Lane::of(run), version: run.version, requires: run.terms().requires.clone() }
    }

    fn is_of(&self, run: &Run) -> bool {
        let (lane, terms) = (&self.limited, run.terms());
        self.version == run.version
            && lane.queue == run.queue
            && lane.kind == run.kind
            && lane.key == terms.limit_key
            && self.requires == terms.requires
    }

    /// Whether it belongs to a few runs, of a key that comes and goes.
    fn is_passing(&self) -> bool {
        self.limited.key.is_some() || !self.requires.is_empty()
    }
}

#[derive(Debug, Default)]
struct Due {
    innocent: BTreeSet<Turn>,
    suspects: BTreeSet<Turn>,
}

#[derive(Debug)]
struct Row {
    lane: Lane,
    due: Due,
    /// Runs that are in this lane, due or not.
    runs: usize,
}

/// The lanes of all live runs. Those without a key are few, and kept.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    numbers: HashMap<Lane, u32>,
    rows: Vec<Option<Row>>,
    free: Vec<u32>,
}

/// Which lines a claim may take from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) kinds: &'a [KindSupport],
    pub(crate) labels: &'a [Label],
    pub(crate) suspects: bool,
}

impl Reader<'_> {
    fn reads(&self, lane: &Lane) -> bool {
        let reads = |support: &KindSupport| support.kind == lane.limited.kind && lane.version <= support.version;
        self.kinds.iter().any(reads) && lane.requires.iter().all(|label| self.labels.contains(label))
    }
}

impl Lanes {
    /// A run comes to be in its lane; mostly that is the one in which it was before.
    pub(super) fn join(&mut self, run: &Run, before: Option<u32>) -> u32 {
        let number = before.filter(|before| self.row(*before).lane.is_of(run)).unwrap_or_else(|| self.number(run));
        self.row(number).runs += 1;
        number
    }

    fn number(&mut self, run: &Run) -> u32 {
        let lane = Lane::of(run);
        self.numbers.get(&lane).copied().unwrap_or_else(|| self.open(lane))
    }

    /// A run is in this lane no more.
    pub(super) fn leave(&mut self, number: u32) {
        let row = self.row(number);
        row.runs -= 1;
        if row.runs == 0 && row.lane.is_passing() {
            let row = self.rows[number as usize].take().expect("it was just there");
            self.numbers.remove(&row.lane);
            self.free.push(number);
        }
    }

    fn open(&mut self, lane: Lane) -> u32 {
        let row = Row { lane: lane.clone(), due: Due::default(), runs: 0 };
        let number = if let Some(number) = self.free.pop() {
            self.rows[number as usize] = Some(row);
            number
        } else {
            self.rows.push(Some(row));
            self.rows.len() as u32 - 1
        };
        self.numbers.insert(lane, number);
        number
    }

    pub(crate) fn get(&self, number: u32) -> &choose::Lane {
        &self.rows[number as usize].as_ref().expect("a run is in it").lane.limited
    }

    pub(super) fn line_up(&mut self, turn: Turn, lane: u32, suspect: bool) {
        self.line(lane, suspect).insert(turn);
    }

    pub(super) fn step_out(&mut self, turn: Turn, lane: u32, suspect: bool) {
        self.line(lane, suspect).remove(&turn);
    }

    /// Takes those out who are not due at `now`.
    pub(super) fn step_back(&mut self, now: Timestamp) -> Vec<Turn> {
        let rows = self.rows.iter_mut().flatten();
        let lines = rows.flat_map(|row| [&mut row.due.innocent, &mut row.due.suspects]);
        let mut early = Vec::new();
        for line in lines {
            early.extend(line.iter().filter(|turn| turn.due > now));
            line.retain(|turn| turn.due <= now);
        }
        early
    }

    fn row(&mut self, number: u32) -> &mut Row {
        self.rows[number as usize].as_mut().expect("a run is in it")
    }

    fn line(&mut self, lane: u32, suspect: bool) -> &mut BTreeSet<Turn> {
        let Due { innocent, suspects } = &mut self.row(lane).due;
        if suspect { suspects } else { innocent }
    }

    /// The lines of due runs that a claim may take from.
    pub(crate) fn lines<'a>(
        &'a self,
        reader: Reader<'a>,
    ) -> impl Iterator<Item = Line<'a, Copied<btree_set::Iter<'a, Turn>>>> {
        let rows = self.rows.iter().flatten().filter(move |row| reader.reads(&row.lane));
        rows.filter_map(move |row| {
            let due = if reader.suspects { &row.due.suspects } else { &row.due.innocent };
            (!due.is_empty()).then(|| Line { lane: &row.lane.limited, turns: due.iter().copied() })
        })
    }

    /// How many runs are due, by queue. Looks at one run of each priority in each lane.
    pub(crate) fn depths(&self) -> Vec<QueueDepth> {
        let mut depths: BTreeMap<&Queue, QueueDepth> = BTreeMap::new();
        for row in self.rows.iter().flatten() {
            for line in [&row.due.innocent, &row.due.suspects] {
                let Some(oldest) = oldest(line) else { continue };
                let queue = &row.lane.limited.queue;
                let depth = depths.entry(queue).or_insert_with(|| QueueDepth { queue: queue.clone(), due: 0, oldest });
                depth.due += line.len() as u64;
                depth.oldest = depth.oldest.min(oldest);
            }
        }
        depths.into_values().collect()
    }

    /// Whether any suspect is due.
    pub(crate) fn is_any_suspect_due(&self) -> bool {
        self.rows.iter().flatten().any(|row| !row.due.suspects.is_empty())
    }
}

/// Since when the run of a line is due that has waited longest. Of each priority it is the first; there are at most 256.
fn oldest(line: &BTreeSet<Turn>) -> Option<Timestamp> {
    let mut first = line.first();
    let mut oldest = first?.due;
    while let Some(turn) = first {
        oldest = oldest.min(turn.due);
        let last = Turn::new(turn.priority(), Timestamp::MAX, RunId::from_bytes([255; 16]));
        first = line.range((Bound::Excluded(last), Bound::Unbounded)).next();
    }
    Some(oldest)
}
