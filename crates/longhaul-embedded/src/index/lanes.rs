//! Who is next: due runs in the order of their turn, apart by queue, kind and version.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    iter::Peekable,
};

use longhaul_core::{Kind, Queue, Run, RunId, Timestamp, code::KindSupport};

/// What runs of one line have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lane {
    pub(crate) queue: Queue,
    pub(crate) kind: Kind,
    version: u16,
}

/// A due run's place in the line: higher priority first, then the longest due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    priority: Reverse<i8>,
    pub(crate) due: Timestamp,
    pub(crate) id: RunId,
}

impl Turn {
    pub(super) fn new(priority: i8, due: Timestamp, id: RunId) -> Self {
        Self { priority: Reverse(priority), due, id }
    }
}

#[derive(Debug, Default)]
struct Line {
    innocent: BTreeSet<Turn>,
    suspects: BTreeSet<Turn>,
}

/// All lanes that there ever were since the store was opened: there are few.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    numbers: HashMap<Lane, u32>,
    lanes: Vec<(Lane, Line)>,
}

impl Lanes {
    pub(super) fn of(&mut self, run: &Run) -> u32 {
        let lane = Lane { queue: run.queue.clone(), kind: run.kind.clone(), version: run.version };
        if let Some(number) = self.numbers.get(&lane) {
            return *number;
        }
        let number = self.lanes.len() as u32;
        self.numbers.insert(lane.clone(), number);
        self.lanes.push((lane, Line::default()));
        number
    }

    pub(crate) fn get(&self, number: u32) -> &Lane {
        &self.lanes[number as usize].0
    }

    pub(super) fn line_up(&mut self, turn: Turn, lane: u32, suspect: bool) {
        self.line(lane, suspect).insert(turn);
    }

    pub(super) fn step_out(&mut self, turn: Turn, lane: u32, suspect: bool) {
        self.line(lane, suspect).remove(&turn);
    }

    /// Takes those out who are not due at `now`.
    pub(super) fn step_back(&mut self, now: Timestamp) -> Vec<Turn> {
        let lines = self.lanes.iter_mut().flat_map(|(_, line)| [&mut line.innocent, &mut line.suspects]);
        let mut early = Vec::new();
        for line in lines {
            early.extend(line.iter().filter(|turn| turn.due > now));
            line.retain(|turn| turn.due <= now);
        }
        early
    }

    fn line(&mut self, lane: u32, suspect: bool) -> &mut BTreeSet<Turn> {
        let Line { innocent, suspects } = &mut self.lanes[lane as usize].1;
        if suspect { suspects } else { innocent }
    }

    /// The first `max` due runs, beyond suspicion, that this code reads.
    pub(crate) fn innocent(&self, kinds: &[KindSupport], max: usize) -> Vec<Turn> {
        first(self.readable(kinds).map(|line| &line.innocent), max)
    }

    /// The first `max` due suspects that this code reads.
    pub(crate) fn suspects(&self, kinds: &[KindSupport], max: usize) -> Vec<Turn> {
        first(self.readable(kinds).map(|line| &line.suspects), max)
    }

    fn readable(&self, kinds: &[KindSupport]) -> impl Iterator<Item = &Line> {
        let reads =
            |lane: &Lane| kinds.iter().any(|support| support.kind == lane.kind && lane.version <= support.version);
        self.lanes.iter().filter(move |(lane, _)| reads(lane)).map(|(_, line)| line)
    }
}

fn first<'a>(lines: impl Iterator<Item = &'a BTreeSet<Turn>>, max: usize) -> Vec<Turn> {
    let mut lines: Vec<Peekable<_>> =
        lines.filter(|line| !line.is_empty()).map(|line| line.iter().copied().peekable()).collect();
    std::iter::from_fn(|| {
        let heads = lines.iter_mut().filter_map(|line| line.peek().copied().map(|head| (head, line)));
        let (_, line) = heads.min_by_key(|(head, _)| *head)?;
        line.next()
    })
    .take(max)
    .collect()
}
