//! What is known in memory of every live run: where it is in the file, and its place among the due runs.
//!
//! A waiting run costs an [`Entry`] in one ordered map and a [`DuePosition`] in one ordered set, under 200 bytes together; its
//! record stays in the file.

mod backlogs;
mod deadlines;
mod heads;
mod turns;
mod uniques;
mod waits;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Bound,
};

use longhaul_core::{
    Priority, Run, RunId, StateKind, Tag, Timestamp,
    admission::{DuePosition, Isolation, LastTry, RunningCounts},
    counts::Statistics,
    store::{ListOrder, QueueDepth},
};

pub(crate) use self::{backlogs::Lanes, deadlines::Deadlines, turns::Turns, uniques::Uniques, waits::Waits};

/// Where the record of a live run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On this page, as it was enqueued.
    Page(u64),
    /// Under a key of its own.
    Own,
}

/// A live run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) due: Option<Timestamp>,
    pub(crate) limit_group: u32,
    pub(crate) state: StateKind,
    priority: i8,
    isolation: Isolation,
    tagged: bool,
    /// It was known to have its unique key.
    keeps_key: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: BTreeMap<RunId, Entry>,
    pub(crate) backlogs: Lanes,
    /// Runs that are not due yet.
    timers: BTreeSet<(Timestamp, RunId)>,
    /// By the hash of a tag: a search reads the record to be sure.
    tags: BTreeSet<(u64, RunId)>,
    /// Runs that were parked as Incompatible.
    parked: BTreeSet<RunId>,
    /// Suspects, and runs at their last try, that execute.
    isolated_running: BTreeSet<RunId>,
    /// Runs at their last try that wait for a time, or are due.
    last_tries: BTreeMap<RunId, LastTry>,
    /// What executes, by what limits go by.
    pub(crate) running_counts: RunningCounts,
    pub(crate) uniques: Uniques,
    pub(crate) deadlines: Deadlines,
    pub(crate) turns: Turns,
    pub(crate) waits: Waits,
    /// Of all runs, the final ones too.
    pub(crate) statistics: Statistics,
}

impl Index {
    pub(crate) fn get(&self, id: RunId) -> Option<Entry> {
        self.entries.get(&id).copied()
    }

    /// Live runs above `after`, by id.
    pub(crate) fn after(&self, after: Option<RunId>) -> impl Iterator<Item = (RunId, Entry)> {
        self.listed(ListOrder::OldestFirst, after)
    }

    /// Live runs that come after `after` in this order.
    pub(crate) fn listed(
        &self,
        order: ListOrder,
        after: Option<RunId>,
    ) -> Box<dyn Iterator<Item = (RunId, Entry)> + '_> {
        let end = after.map_or(Bound::Unbounded, Bound::Excluded);
        let pair = |(id, entry): (&RunId, &Entry)| (*id, *entry);
        match order {
            ListOrder::OldestFirst => Box::new(self.entries.range((end, Bound::Unbounded)).map(pair)),
            ListOrder::NewestFirst => Box::new(self.entries.range((Bound::Unbounded, end)).rev().map(pair)),
        }
    }

    /// Live runs that come after `after` in this order, and may have this tag.
    pub(crate) fn tagged(
        &self,
        tag: &Tag,
        order: ListOrder,
        after: Option<RunId>,
    ) -> Box<dyn Iterator<Item = (RunId, Entry)> + '_> {
        let hash = hash(tag);
        let first = Bound::Included((hash, RunId::from_bytes([0; 16])));
        let last = Bound::Included((hash, RunId::from_bytes([255; 16])));
        let end = after.map(|id| Bound::Excluded((hash, id)));
        let pair = |(_, id): &(u64, RunId)| (*id, self.entries[id]);
        match order {
            ListOrder::OldestFirst => Box::new(self.tags.range((end.unwrap_or(first), last)).map(pair)),
            ListOrder::NewestFirst => Box::new(self.tags.range((first, end.unwrap_or(last))).rev().map(pair)),
        }
    }

    pub(crate) fn is_parked(&self, id: RunId) -> bool {
        self.parked.contains(&id)
    }

    /// Parked runs above `after`, by id.
    pub(crate) fn parked(
        &self,
        order: ListOrder,
        after: Option<RunId>,
    ) -> Box<dyn Iterator<Item = (RunId, Entry)> + '_> {
        let end = after.map_or(Bound::Unbounded, Bound::Excluded);
        let pair = |id: &RunId| (*id, self.entries[id]);
        match order {
            ListOrder::OldestFirst => Box::new(self.parked.range((end, Bound::Unbounded)).map(pair)),
            ListOrder::NewestFirst => Box::new(self.parked.range((Bound::Unbounded, end)).rev().map(pair)),
        }
    }

    /// Suspects, and runs at their last try, that execute.
    pub(crate) fn isolated_running(&self) -> impl Iterator<Item = RunId> {
        self.isolated_running.iter().copied()
    }

    /// Due runs at their last try.
    pub(crate) fn last_tries(&self, now: Timestamp) -> Vec<LastTry> {
        self.last_tries.values().filter(|last| last.position.due <= now).cloned().collect()
    }

    /// How many runs are due, by queue.
    pub(crate) fn depths(&self, now: Timestamp) -> Vec<QueueDepth> {
        self.backlogs.depths(&self.last_tries(now))
    }

    /// Keeps what matters of a live run, in place of what was known before.
    pub(crate) fn put(&mut self, now: Timestamp, run: &Run, place: Place) {
        let slot = self.entries.entry(run.id);
        let before = match &slot {
            btree_map::Entry::Occupied(there) => Some(*there.get()),
            btree_map::Entry::Vacant(_) => None,
        };
        let entry = Entry {
            place,
            due: run.due(),
            limit_group: self.backlogs.join(run, before.map(|before| before.limit_group)),
            state: run.state.kind(),
            priority: run.priority.0,
            isolation: Isolation::of(run),
            tagged: !run.tags.is_empty(),
            keeps_key: uniques::keeps_key(now, run),
        };
        self.statistics.record(now, run, before.map(|before| before.state), Some(entry.state));
        match slot {
            btree_map::Entry::Occupied(mut there) => _ = there.insert(entry),
            btree_map::Entry::Vacant(free) => _ = free.insert(entry),
        }
        match before {
            Some(before) => self.unlink(run.id, before),
            None => self.tags.extend(run.tags.iter().map(|tag| (hash(tag), run.id))),
        }
        self.uniques.note(run, before.is_some_and(|before| before.keeps_key), entry.keeps_key);
        self.deadlines.note(run);
        self.turns.note(run);
        self.waits.note(run);
        match entry.due {
            Some(due) if due > now => _ = self.timers.insert((due, run.id)),
            Some(due) => self.line_up(entry, due, run.id),
            None => {}
        }
        if entry.isolation == Isolation::LastTry {
            self.last_tries.extend(LastTry::of(run).map(|last| (run.id, last)));
        }
        match entry.state {
            StateKind::Incompatible => _ = self.parked.insert(run.id),
            StateKind::Running => {
                if entry.isolation > Isolation::None {
                    self.isolated_running.insert(run.id);
                }
                self.running_counts.enter(self.backlogs.get(entry.limit_group));
            }
            _ => {}
        }
    }

    /// Forgets a run that is final, or gone. A final one that stops its order key has the turn all the same.
    pub(crate) fn remove(&mut self, now: Timestamp, run: &Run) {
        if run.state.is_final() {
            self.turns.note(run);
        } else {
            self.turns.leave(run);
        }
        if let Some(before) = self.entries.remove(&run.id) {
            let ended = run.state.is_final().then_some(run.state.kind());
            self.statistics.record(now, run, Some(before.state), ended);
            self.unlink(run.id, before);
            self.deadlines.forget(run.id);
            self.waits.forget(run.id);
            self.uniques.note(run, before.keeps_key, uniques::keeps_key(now, run));
            if before.tagged {
                run.tags.iter().for_each(|tag| _ = self.tags.remove(&(hash(tag), run.id)));
            }
        }
    }

    /// Takes a run whose record cannot be read out of the line, so that it holds up nobody else.
    pub(crate) fn set_aside(&mut self, id: RunId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            let before = *entry;
            entry.due = None;
            self.step_out(id, before);
        }
    }

    fn step_out(&mut self, id: RunId, before: Entry) {
        if let Some(due) = before.due
            && !self.timers.remove(&(due, id))
            && before.isolation != Isolation::LastTry
        {
            self.backlogs.step_out(before.position(due, id), before.limit_group, before.is_suspect());
        }
        self.last_tries.remove(&id);
    }

    fn unlink(&mut self, id: RunId, before: Entry) {
        self.step_out(id, before);
        match before.state {
            StateKind::Incompatible => _ = self.parked.remove(&id),
            StateKind::Running => {
                self.isolated_running.remove(&id);
                self.running_counts.leave(self.backlogs.get(before.limit_group));
            }
            _ => {}
        }
        self.backlogs.leave(before.limit_group);
    }

    /// Lines up the runs whose time has come.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.backlogs.wake(now);
        while let Some(&(due, id)) = self.timers.first().filter(|(due, _)| *due <= now) {
            self.timers.pop_first();
            self.line_up(self.entries[&id], due, id);
        }
    }

    /// One that is at its last try is in no line: these are few, and go before all others.
    fn line_up(&mut self, entry: Entry, due: Timestamp, id: RunId) {
        if entry.isolation != Isolation::LastTry {
            self.backlogs.line_up(entry.position(due, id), entry.limit_group, entry.is_suspect());
        }
    }

    /// The lines of these runs are not offered to claims until then.
    pub(crate) fn rest(&mut self, throttled: &[(RunId, Timestamp)]) {
        for (id, until) in throttled {
            let entry = self.entries[id];
            // Suspects are few, and claimed one at a time.
            if entry.isolation == Isolation::None {
                self.backlogs.rest(entry.limit_group, *until);
            }
        }
    }

    /// The clock went back: runs that were lined up may have to wait again.
    pub(crate) fn rewind(&mut self, now: Timestamp) {
        self.backlogs.unthrottle_all();
        self.timers.extend(self.backlogs.step_back(now).into_iter().map(|position| (position.due, position.id)));
        let early = self.last_tries.values().filter(|last| last.position.due > now);
        self.timers.extend(early.map(|last| (last.position.due, last.position.id)));
    }

    /// When the next run is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due, _)| *due)
    }
}

impl Entry {
    fn position(&self, due: Timestamp, id: RunId) -> DuePosition {
        DuePosition::new(Priority(self.priority), due, id)
    }

    fn is_suspect(&self) -> bool {
        self.isolation == Isolation::Suspect
    }
}

fn hash(tag: &Tag) -> u64 {
    let mut hasher = DefaultHasher::new();
    tag.hash(&mut hasher);
    hasher.finish()
}
