//! Who is next: due runs in the order of their position, apart by what claims and limits go by.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_set},
    iter::Copied,
    ops::Bound,
};

use longhaul_core::{
    Label, Queue, Run, RunId, Timestamp,
    admission::{self, Backlog, BacklogGroup, DuePosition, LastTry},
    store::QueueDepth,
};

/// What runs of one line have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LimitGroup {
    limited: admission::LimitGroup,
    version: u16,
    requires: Vec<Label>,
}

impl LimitGroup {
    fn of(run: &Run) -> Self {
        Self {
            limited: admission::LimitGroup::of(run),
            version: run.version,
            requires: run.constraints().requires.clone(),
        }
    }

    fn is_of(&self, run: &Run) -> bool {
        let (limit_group, constraints) = (&self.limited, run.constraints());
        self.version == run.version
            && limit_group.queue == run.queue
            && limit_group.kind == run.kind
            && limit_group.key == constraints.limit_key
            && self.requires == constraints.requires
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
    limit_group: LimitGroup,
    family: u32,
    due: Due<DuePosition>,
    /// Its innocent runs are not offered to claims until then.
    rests: Option<Timestamp>,
    /// Runs that are in this limit group, due or not.
    runs: usize,
}

/// Lanes that differ in their key only.
#[derive(Debug)]
struct Family {
    /// One of them.
    limit_group: LimitGroup,
    /// The first position of each of its backlogs that has due runs and does not rest, and which limit group that is: so that a claim
    /// looks at those only that it takes from, however many keys there are.
    heads: Due<(DuePosition, u32)>,
    backlogs: usize,
}

/// The backlogs of all live runs. Those without a key are few, and kept.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    numbers: HashMap<LimitGroup, u32>,
    rows: Vec<Option<Row>>,
    free: Vec<u32>,
    families: BTreeMap<u32, Family>,
    /// By a limit group without its key.
    family_numbers: HashMap<LimitGroup, u32>,
    next_family: u32,
    /// Lanes whose key has used up its rate, and until when: they are many where keys are.
    throttled: BTreeSet<(Timestamp, u32)>,
}

impl Lanes {
    /// A run comes to be in its limit group; mostly that is the one in which it was before.
    pub(super) fn join(&mut self, run: &Run, before: Option<u32>) -> u32 {
        let number =
            before.filter(|before| self.row(*before).limit_group.is_of(run)).unwrap_or_else(|| self.number(run));
        self.row(number).runs += 1;
        number
    }

    fn number(&mut self, run: &Run) -> u32 {
        let limit_group = LimitGroup::of(run);
        self.numbers.get(&limit_group).copied().unwrap_or_else(|| self.open(limit_group))
    }

    /// A run is in this limit group no more.
    pub(super) fn leave(&mut self, number: u32) {
        let row = self.row(number);
        row.runs -= 1;
        if row.runs == 0 && row.limit_group.is_passing() {
            let row = self.rows[number as usize].take().expect("it was just there");
            if let Some(until) = row.rests {
                self.throttled.remove(&(until, number));
            }
            self.numbers.remove(&row.limit_group);
            self.free.push(number);
            self.leave_family(row.family);
        }
    }

    fn leave_family(&mut self, number: u32) {
        let family = self.families.get_mut(&number).expect("a limit group is in it");
        family.backlogs -= 1;
        if family.backlogs == 0 {
            let family = self.families.remove(&number).expect("it was just there");
            self.family_numbers.remove(&family.limit_group);
        }
    }

    fn open(&mut self, limit_group: LimitGroup) -> u32 {
        let family = self.join_family(&limit_group);
        let row = Row { limit_group: limit_group.clone(), family, due: Due::none(), rests: None, runs: 0 };
        let number = if let Some(number) = self.free.pop() {
            self.rows[number as usize] = Some(row);
            number
        } else {
            self.rows.push(Some(row));
            self.rows.len() as u32 - 1
        };
        self.numbers.insert(limit_group, number);
        number
    }

    fn join_family(&mut self, limit_group: &LimitGroup) -> u32 {
        let mut limit_group = limit_group.clone();
        limit_group.limited.key = None;
        let number = *self.family_numbers.entry(limit_group).or_insert_with_key(|limit_group| {
            let family = Family { limit_group: limit_group.clone(), heads: Due::none(), backlogs: 0 };
            self.families.insert(self.next_family, family);
            self.next_family += 1;
            self.next_family - 1
        });
        self.families.get_mut(&number).expect("it has a number").backlogs += 1;
        number
    }

    pub(crate) fn get(&self, number: u32) -> &admission::LimitGroup {
        &self.rows[number as usize].as_ref().expect("a run is in it").limit_group.limited
    }

    pub(super) fn line_up(&mut self, position: DuePosition, limit_group: u32, suspect: bool) {
        self.change(limit_group, suspect, |due| _ = due.insert(position));
    }

    pub(super) fn step_out(&mut self, position: DuePosition, limit_group: u32, suspect: bool) {
        self.change(limit_group, suspect, |due| _ = due.remove(&position));
    }

    /// Takes those out who are not due at `now`.
    pub(super) fn step_back(&mut self, now: Timestamp) -> Vec<DuePosition> {
        let mut early = Vec::new();
        for limit_group in 0..self.rows.len() as u32 {
            if self.rows[limit_group as usize].is_none() {
                continue;
            }
            for suspect in [false, true] {
                self.change(limit_group, suspect, |due| {
                    early.extend(due.iter().filter(|position| position.due > now));
                    due.retain(|position| position.due <= now);
                });
            }
        }
        early
    }

    fn row(&mut self, number: u32) -> &mut Row {
        self.rows[number as usize].as_mut().expect("a run is in it")
    }

    /// Changes a line, and with it what its family knows of its head.
    fn change(&mut self, limit_group: u32, suspect: bool, change: impl FnOnce(&mut BTreeSet<DuePosition>)) {
        let row = self.row(limit_group);
        let due = row.due.of_mut(suspect);
        let before = due.first().copied();
        change(due);
        let after = due.first().copied();
        if before == after || (row.rests.is_some() && !suspect) {
            return;
        }
        let family = row.family;
        let heads = self.families.get_mut(&family).expect("a limit group is in it").heads.of_mut(suspect);
        if let Some(before) = before {
            heads.remove(&(before, limit_group));
        }
        heads.extend(after.map(|after| (after, limit_group)));
    }

    /// Until then, claims are not offered the innocent runs of this limit group.
    pub(super) fn rest(&mut self, limit_group: u32, until: Timestamp) {
        if let Some(before) = self.row(limit_group).rests.replace(until) {
            self.throttled.remove(&(before, limit_group));
        } else {
            let row = self.row(limit_group);
            let (family, head) = (row.family, row.due.innocent.first().copied());
            let family = self.families.get_mut(&family).expect("a limit group is in it");
            head.map(|head| family.heads.innocent.remove(&(head, limit_group)));
        }
        self.throttled.insert((until, limit_group));
    }

    /// Offers those again that have rested.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some(&(until, limit_group)) = self.throttled.first().filter(|(until, _)| *until <= now) {
            self.throttled.remove(&(until, limit_group));
            let row = self.row(limit_group);
            row.rests = None;
            let (family, head) = (row.family, row.due.innocent.first().copied());
            let family = self.families.get_mut(&family).expect("a limit group is in it");
            family.heads.innocent.extend(head.map(|head| (head, limit_group)));
        }
    }

    /// Offers all again: what held them back may be no more.
    pub(crate) fn unthrottle_all(&mut self) {
        self.wake(Timestamp::MAX);
    }

    /// When the next one has rested.
    pub(crate) fn next_to_wake(&self) -> Option<Timestamp> {
        self.throttled.first().map(|(until, _)| *until)
    }

    /// The lines of due runs.
    pub(crate) fn groups(
        &self,
        suspects: bool,
    ) -> impl Iterator<Item = BacklogGroup<'_, impl Iterator<Item = Backlog<'_, Copied<btree_set::Iter<'_, DuePosition>>>>>>
    {
        let families = self.families.values().filter(move |family| !family.heads.of(suspects).is_empty());
        families.map(move |family| {
            let LimitGroup { limited, version, requires } = &family.limit_group;
            let backlogs = family.heads.of(suspects).iter().map(move |(_, limit_group)| {
                let row = self.rows[*limit_group as usize].as_ref().expect("it has due runs");
                let positions = row.due.of(suspects).iter().copied();
                Backlog { limit_group: &row.limit_group.limited, positions, complete: true }
            });
            BacklogGroup { queue: &limited.queue, kind: &limited.kind, version: *version, requires, backlogs }
        })
    }

    /// How many runs are due, by queue, with those that are in no line. Looks at one run of each priority in each line.
    pub(crate) fn depths(&self, others: &[LastTry]) -> Vec<QueueDepth> {
        let mut depths: BTreeMap<Queue, QueueDepth> = BTreeMap::new();
        let mut add = |queue: &Queue, due, oldest| {
            let depth =
                depths.entry(queue.clone()).or_insert_with(|| QueueDepth { queue: queue.clone(), due: 0, oldest });
            depth.due += due;
            depth.oldest = depth.oldest.min(oldest);
        };
        for row in self.rows.iter().flatten() {
            for line in [&row.due.innocent, &row.due.suspects] {
                if let Some(oldest) = oldest(line) {
                    add(&row.limit_group.limited.queue, line.len() as u64, oldest);
                }
            }
        }
        for last in others {
            add(&last.limit_group.queue, 1, last.position.due);
        }
        depths.into_values().collect()
    }
}

/// Since when the run of a line is due that has waited longest. Of each priority it is the first; there are at most 256.
fn oldest(line: &BTreeSet<DuePosition>) -> Option<Timestamp> {
    let mut first = line.first();
    let mut oldest = first?.due;
    while let Some(position) = first {
        oldest = oldest.min(position.due);
        let last = DuePosition::new(position.priority(), Timestamp::MAX, RunId::from_bytes([255; 16]));
        first = line.range((Bound::Excluded(last), Bound::Unbounded)).next();
    }
    Some(oldest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use longhaul_core::{Constraints, Key, NewRun, Priority, admit};
    use longhaul_testkit::fixture::new_run;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn run(key: &str, id: u8) -> Run {
        let constraints = Constraints { limit_key: Some(Key::new(key).unwrap()), ..Constraints::default() };
        admit(NOW, &NewRun { constraints: Some(constraints.into()), ..new_run(NOW, "plain", id.into()) }).0
    }

    /// The keys of the lines that a claim is offered.
    fn offered(backlogs: &Lanes) -> Vec<String> {
        let key = |line: Backlog<'_, _>| line.limit_group.key.as_ref().expect("they have one").to_string();
        backlogs.groups(false).flat_map(|group| group.backlogs).map(key).collect()
    }

    #[test]
    fn a_line_that_rests_is_not_offered_until_it_has() {
        let mut backlogs = Lanes::default();
        let position = |id: u8| DuePosition::new(Priority(0), NOW, RunId::from_bytes([id; 16]));
        let (x, y) = (backlogs.join(&run("x", 1), None), backlogs.join(&run("y", 2), None));
        backlogs.line_up(position(1), x, false);
        backlogs.line_up(position(2), y, false);
        let later = |seconds| NOW.after(Duration::from_secs(seconds));
        backlogs.rest(x, later(5));
        assert_eq!((offered(&backlogs), backlogs.next_to_wake()), (vec!["y".to_owned()], Some(later(5))));

        // What comes and goes meanwhile changes nothing of that, and is there afterwards.
        backlogs.step_out(position(1), x, false);
        backlogs.line_up(position(3), x, false);
        assert_eq!(offered(&backlogs), ["y"]);
        backlogs.wake(later(4));
        assert_eq!(offered(&backlogs), ["y"]);
        backlogs.wake(later(5));
        assert_eq!((offered(&backlogs), backlogs.next_to_wake()), (vec!["y".to_owned(), "x".to_owned()], None));

        // To rest longer is to rest once.
        backlogs.rest(x, later(6));
        backlogs.rest(x, later(7));
        assert_eq!(backlogs.next_to_wake(), Some(later(7)));
        backlogs.unthrottle_all();
        assert_eq!((offered(&backlogs).len(), backlogs.next_to_wake()), (2, None));

        // A limit group that is gone does not wake.
        backlogs.rest(y, later(5));
        backlogs.step_out(position(2), y, false);
        backlogs.leave(y);
        assert_eq!((offered(&backlogs), backlogs.next_to_wake()), (vec!["x".to_owned()], None));
    }
}
