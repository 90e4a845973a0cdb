//! Who is next: due runs in the order of their turn, apart by what claims and limits go by.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_set},
    iter::Copied,
    ops::Bound,
};

use longhaul_core::{
    Label, Queue, Run, RunId, Timestamp,
    choose::{self, Group, Line, Turn},
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

/// Innocent runs and suspects, which are claimed apart.
#[derive(Debug)]
struct Due<T> {
    innocent: BTreeSet<T>,
    suspects: BTreeSet<T>,
}

impl<T> Due<T> {
    const fn none() -> Self {
        Self { innocent: BTreeSet::new(), suspects: BTreeSet::new() }
    }

    fn of(&self, suspect: bool) -> &BTreeSet<T> {
        if suspect { &self.suspects } else { &self.innocent }
    }

    fn of_mut(&mut self, suspect: bool) -> &mut BTreeSet<T> {
        if suspect { &mut self.suspects } else { &mut self.innocent }
    }
}

#[derive(Debug)]
struct Row {
    lane: Lane,
    family: u32,
    due: Due<Turn>,
    /// Its innocent runs are not offered to claims until then.
    rests: Option<Timestamp>,
    /// Runs that are in this lane, due or not.
    runs: usize,
}

/// Lanes that differ in their key only.
#[derive(Debug)]
struct Family {
    /// One of them.
    lane: Lane,
    /// The first turn of each of its lanes that has due runs and does not rest, and which lane that is: so that a claim
    /// looks at those only that it takes from, however many keys there are.
    heads: Due<(Turn, u32)>,
    lanes: usize,
}

/// The lanes of all live runs. Those without a key are few, and kept.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    numbers: HashMap<Lane, u32>,
    rows: Vec<Option<Row>>,
    free: Vec<u32>,
    families: BTreeMap<u32, Family>,
    /// By a lane without its key.
    family_numbers: HashMap<Lane, u32>,
    next_family: u32,
    /// Lanes whose key has used up its rate, and until when: they are many where keys are.
    resting: BTreeSet<(Timestamp, u32)>,
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
            if let Some(until) = row.rests {
                self.resting.remove(&(until, number));
            }
            self.numbers.remove(&row.lane);
            self.free.push(number);
            self.leave_family(row.family);
        }
    }

    fn leave_family(&mut self, number: u32) {
        let family = self.families.get_mut(&number).expect("a lane is in it");
        family.lanes -= 1;
        if family.lanes == 0 {
            let family = self.families.remove(&number).expect("it was just there");
            self.family_numbers.remove(&family.lane);
        }
    }

    fn open(&mut self, lane: Lane) -> u32 {
        let family = self.join_family(&lane);
        let row = Row { lane: lane.clone(), family, due: Due::none(), rests: None, runs: 0 };
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

    fn join_family(&mut self, lane: &Lane) -> u32 {
        let mut lane = lane.clone();
        lane.limited.key = None;
        let number = *self.family_numbers.entry(lane).or_insert_with_key(|lane| {
            let family = Family { lane: lane.clone(), heads: Due::none(), lanes: 0 };
            self.families.insert(self.next_family, family);
            self.next_family += 1;
            self.next_family - 1
        });
        self.families.get_mut(&number).expect("it has a number").lanes += 1;
        number
    }

    pub(crate) fn get(&self, number: u32) -> &choose::Lane {
        &self.rows[number as usize].as_ref().expect("a run is in it").lane.limited
    }

    pub(super) fn line_up(&mut self, turn: Turn, lane: u32, suspect: bool) {
        self.change(lane, suspect, |due| _ = due.insert(turn));
    }

    pub(super) fn step_out(&mut self, turn: Turn, lane: u32, suspect: bool) {
        self.change(lane, suspect, |due| _ = due.remove(&turn));
    }

    /// Takes those out who are not due at `now`.
    pub(super) fn step_back(&mut self, now: Timestamp) -> Vec<Turn> {
        let mut early = Vec::new();
        for lane in 0..self.rows.len() as u32 {
            if self.rows[lane as usize].is_none() {
                continue;
            }
            for suspect in [false, true] {
                self.change(lane, suspect, |due| {
                    early.extend(due.iter().filter(|turn| turn.due > now));
                    due.retain(|turn| turn.due <= now);
                });
            }
        }
        early
    }

    fn row(&mut self, number: u32) -> &mut Row {
        self.rows[number as usize].as_mut().expect("a run is in it")
    }

    /// Changes a line, and with it what its family knows of its head.
    fn change(&mut self, lane: u32, suspect: bool, change: impl FnOnce(&mut BTreeSet<Turn>)) {
        let row = self.row(lane);
        let due = row.due.of_mut(suspect);
        let before = due.first().copied();
        change(due);
        let after = due.first().copied();
        if before == after || (row.rests.is_some() && !suspect) {
            return;
        }
        let family = row.family;
        let heads = self.families.get_mut(&family).expect("a lane is in it").heads.of_mut(suspect);
        if let Some(before) = before {
            heads.remove(&(before, lane));
        }
        heads.extend(after.map(|after| (after, lane)));
    }

    /// Until then, claims are not offered the innocent runs of this lane.
    pub(super) fn rest(&mut self, lane: u32, until: Timestamp) {
        if let Some(before) = self.row(lane).rests.replace(until) {
            self.resting.remove(&(before, lane));
        } else {
            let row = self.row(lane);
            let (family, head) = (row.family, row.due.innocent.first().copied());
            let family = self.families.get_mut(&family).expect("a lane is in it");
            head.map(|head| family.heads.innocent.remove(&(head, lane)));
        }
        self.resting.insert((until, lane));
    }

    /// Offers those again that have rested.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some(&(until, lane)) = self.resting.first().filter(|(until, _)| *until <= now) {
            self.resting.remove(&(until, lane));
            let row = self.row(lane);
            row.rests = None;
            let (family, head) = (row.family, row.due.innocent.first().copied());
            let family = self.families.get_mut(&family).expect("a lane is in it");
            family.heads.innocent.extend(head.map(|head| (head, lane)));
        }
    }

    /// Offers all again: what held them back may be no more.
    pub(crate) fn wake_all(&mut self) {
        self.wake(Timestamp::MAX);
    }

    /// When the next one has rested.
    pub(crate) fn next_to_wake(&self) -> Option<Timestamp> {
        self.resting.first().map(|(until, _)| *until)
    }

    /// The lines of due runs that a claim may take from.
    pub(crate) fn groups<'a>(
        &'a self,
        reader: Reader<'a>,
    ) -> impl Iterator<Item = Group<'a, impl Iterator<Item = Line<'a, Copied<btree_set::Iter<'a, Turn>>>>>> {
        let suspects = reader.suspects;
        let families = self.families.values().filter(move |family| {
            // What has nothing to take needs no look at whether it may be taken.
            !family.heads.of(suspects).is_empty() && reader.reads(&family.lane)
        });
        families.map(move |family| {
            let lines = family.heads.of(suspects).iter().map(move |(_, lane)| {
                let row = self.rows[*lane as usize].as_ref().expect("it has due runs");
                Line { lane: &row.lane.limited, turns: row.due.of(suspects).iter().copied() }
            });
            Group { queue: &family.lane.limited.queue, kind: &family.lane.limited.kind, lines }
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
        self.families.values().any(|family| !family.heads.suspects.is_empty())
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use longhaul_core::{Key, NewRun, Priority, Terms, admit};
    use longhaul_testkit::fixture::{new_run, support};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn run(key: &str, id: u8) -> Run {
        let terms = Terms { limit_key: Some(Key::new(key).unwrap()), ..Terms::default() };
        admit(NOW, &NewRun { terms: Some(terms.into()), ..new_run(NOW, "plain", id.into()) }).0
    }

    /// The keys of the lines that a claim is offered.
    fn offered(lanes: &Lanes) -> Vec<String> {
        let kinds = [support("plain", 1)];
        let reader = Reader { kinds: &kinds, labels: &[], suspects: false };
        let key = |line: Line<'_, _>| line.lane.key.as_ref().expect("they have one").to_string();
        lanes.groups(reader).flat_map(|group| group.lines).map(key).collect()
    }

    #[test]
    fn a_line_that_rests_is_not_offered_until_it_has() {
        let mut lanes = Lanes::default();
        let turn = |id: u8| Turn::new(Priority(0), NOW, RunId::from_bytes([id; 16]));
        let (x, y) = (lanes.join(&run("x", 1), None), lanes.join(&run("y", 2), None));
        lanes.line_up(turn(1), x, false);
        lanes.line_up(turn(2), y, false);
        let later = |seconds| NOW.after(Duration::from_secs(seconds));
        lanes.rest(x, later(5));
        assert_eq!((offered(&lanes), lanes.next_to_wake()), (vec!["y".to_owned()], Some(later(5))));

        // What comes and goes meanwhile changes nothing of that, and is there afterwards.
        lanes.step_out(turn(1), x, false);
        lanes.line_up(turn(3), x, false);
        assert_eq!(offered(&lanes), ["y"]);
        lanes.wake(later(4));
        assert_eq!(offered(&lanes), ["y"]);
        lanes.wake(later(5));
        assert_eq!((offered(&lanes), lanes.next_to_wake()), (vec!["y".to_owned(), "x".to_owned()], None));

        // To rest longer is to rest once.
        lanes.rest(x, later(6));
        lanes.rest(x, later(7));
        assert_eq!(lanes.next_to_wake(), Some(later(7)));
        lanes.wake_all();
        assert_eq!((offered(&lanes).len(), lanes.next_to_wake()), (2, None));

        // A lane that is gone does not wake.
        lanes.rest(y, later(5));
        lanes.step_out(turn(2), y, false);
        lanes.leave(y);
        assert_eq!((offered(&lanes), lanes.next_to_wake()), (vec!["x".to_owned()], None));
    }
}
