//! Who is next: due runs in the order of their position, apart by what claims and limits go by.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use longhaul_core::{
    Label, Priority, Queue, Run, Timestamp,
    admission::{self, Backlog, BacklogGroup, DuePosition, LastTry, ServedKey},
    store::QueueDepth,
};

use super::heads::{Head, first_of, firsts, heads_of, positions_of, priorities};

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
    /// When its key had its last turn, by priority, if keys take turns in its queue.
    served: Vec<(Priority, Timestamp)>,
}

impl Row {
    fn head(&self, position: DuePosition) -> Head {
        let priority = position.priority();
        let served = self.served.iter().find(|(of, _)| *of == priority);
        let since = served.map_or(position.due, |(_, at)| position.due.max(*at));
        Head::new(since, position)
    }

    /// The heads of its lines, one of each priority.
    fn heads(&self, suspect: bool) -> impl Iterator<Item = Head> {
        firsts(self.due.of(suspect)).map(|first| self.head(first))
    }
}

/// Lanes that differ in their key only.
#[derive(Debug)]
struct Family {
    /// One of them.
    limit_group: LimitGroup,
    /// The first run of each priority of its backlogs that have due runs and do not rest, and which limit group that is: so
    /// that a claim looks at those only that it takes from, however many keys there are.
    heads: Due<(Head, u32)>,
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
        let row = Row {
            limit_group: limit_group.clone(),
            family,
            due: Due::none(),
            rests: None,
            runs: 0,
            served: Vec::new(),
        };
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
        let row = self.row(limit_group);
        let due = row.due.of_mut(suspect);
        let before = first_of(due, position.priority());
        due.insert(position);
        if before.is_none_or(|before| position < before) {
            self.change_head(limit_group, suspect, before, Some(position));
        }
    }

    pub(super) fn step_out(&mut self, position: DuePosition, limit_group: u32, suspect: bool) {
        let row = self.row(limit_group);
        let due = row.due.of_mut(suspect);
        let before = first_of(due, position.priority());
        due.remove(&position);
        if before == Some(position) {
            let after = first_of(due, position.priority());
            self.change_head(limit_group, suspect, before, after);
        }
    }

    /// Takes those out who are not due at `now`.
    pub(super) fn step_back(&mut self, now: Timestamp) -> Vec<DuePosition> {
        let mut early = Vec::new();
        for limit_group in 0..self.rows.len() as u32 {
            if self.rows[limit_group as usize].is_none() {
                continue;
            }
            for suspect in [false, true] {
                self.change(limit_group, |row| {
                    let due = row.due.of_mut(suspect);
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

    /// What its family knows of the first run of a priority in a line becomes another one.
    fn change_head(
        &mut self,
        limit_group: u32,
        suspect: bool,
        before: Option<DuePosition>,
        after: Option<DuePosition>,
    ) {
        let row = self.row(limit_group);
        if row.rests.is_some() && !suspect {
            return;
        }
        let (family, before, after) =
            (row.family, before.map(|first| row.head(first)), after.map(|first| row.head(first)));
        let heads = self.families.get_mut(&family).expect("a limit group is in it").heads.of_mut(suspect);
        if let Some(before) = before {
            heads.remove(&(before, limit_group));
        }
        heads.extend(after.map(|after| (after, limit_group)));
    }

    /// Changes a limit group in any way, and with it what its family knows of it.
    fn change(&mut self, limit_group: u32, change: impl FnOnce(&mut Row)) {
        let row = self.rows[limit_group as usize].as_mut().expect("a run is in it");
        let family = self.families.get_mut(&row.family).expect("a limit group is in it");
        for suspect in [false, true] {
            let heads = family.heads.of_mut(suspect);
            row.heads(suspect).for_each(|head| _ = heads.remove(&(head, limit_group)));
        }
        change(row);
        for suspect in [false, true] {
            if suspect || row.rests.is_none() {
                family.heads.of_mut(suspect).extend(row.heads(suspect).map(|head| (head, limit_group)));
            }
        }
    }

    /// Keys had their turn, each at this time: they come after others.
    pub(crate) fn note_turns<'a>(&mut self, served: impl Iterator<Item = (&'a ServedKey, &'a Timestamp)>) {
        for (ServedKey { queue, priority, key }, at) in served {
            let families = self.families.values().filter(|family| family.limit_group.limited.queue == *queue);
            let groups = families.map(|family| {
                let mut limit_group = family.limit_group.clone();
                limit_group.limited.key.clone_from(key);
                limit_group
            });
            let rows: Vec<u32> = groups.filter_map(|limit_group| self.numbers.get(&limit_group).copied()).collect();
            for number in rows {
                self.change(number, |row| {
                    row.served.retain(|(of, _)| of != priority);
                    row.served.push((*priority, *at));
                });
            }
        }
    }

    /// Keys take no turns in this queue.
    pub(crate) fn forget_turns(&mut self, queue: &Queue) {
        for number in 0..self.rows.len() as u32 {
            let of_queue = |row: &Row| row.limit_group.limited.queue == *queue && !row.served.is_empty();
            if self.rows[number as usize].as_ref().is_some_and(of_queue) {
                self.change(number, |row| row.served.clear());
            }
        }
    }

    /// Until then, claims are not offered the innocent runs of this limit group.
    pub(super) fn rest(&mut self, limit_group: u32, until: Timestamp) {
        if let Some(before) = self.row(limit_group).rests {
            self.throttled.remove(&(before, limit_group));
        }
        self.change(limit_group, |row| row.rests = Some(until));
        self.throttled.insert((until, limit_group));
    }

    /// Offers those again that have rested.
    pub(super) fn wake(&mut self, now: Timestamp) {
        while let Some(&(until, limit_group)) = self.throttled.first().filter(|(until, _)| *until <= now) {
            self.throttled.remove(&(until, limit_group));
            self.change(limit_group, |row| row.rests = None);
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
    ) -> impl Iterator<Item = BacklogGroup<'_, impl Iterator<Item = Backlog<'_, impl Iterator<Item = DuePosition>>>>>
    {
        self.families.values().flat_map(move |family| {
            let heads = family.heads.of(suspects);
            priorities(heads).map(move |priority| {
                let LimitGroup { limited, version, requires } = &family.limit_group;
                let backlogs = heads.range(heads_of(priority)).map(move |(head, limit_group)| {
                    let row = self.rows[*limit_group as usize].as_ref().expect("it has due runs");
                    let positions = row.due.of(suspects).range(head.position..=*positions_of(priority).end()).copied();
                    Backlog { limit_group: &row.limit_group.limited, since: head.since, positions, complete: true }
                });
                let (queue, kind) = (&limited.queue, &limited.kind);
                BacklogGroup { queue, kind, version: *version, requires, priority, backlogs }
            })
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

/// Since when the run of a line is due that has waited longest. Of each priority it is the first.
fn oldest(line: &BTreeSet<DuePosition>) -> Option<Timestamp> {
    firsts(line).map(|first| first.due).min()
}

#[cfg(test)]
mod tests;
