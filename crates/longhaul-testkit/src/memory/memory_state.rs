//! What a store keeps, and the one way in which a run changes.

use std::collections::{BTreeMap, BTreeSet};

use longhaul_core::{
    ChildCounts, Event, IllegalEvent, Key, Kind, LogPage, Run, RunId, State, Statistics, StoredRun, Timestamp,
    admission::Admission,
    store::{Ends, KindDescription, ScheduleRows, Servers, copy::RemovedKey},
    stored::Followup,
};

#[derive(Default)]
pub(super) struct MemoryState {
    /// The time of the current call.
    pub(super) now: Timestamp,
    pub(super) runs: BTreeMap<RunId, Record>,
    /// Keys that outlive their runs.
    pub(super) removed: BTreeMap<(Kind, Key), RemovedKey>,
    pub(super) child_counts: BTreeMap<RunId, ChildCounts>,
    /// Runs that changed since somebody looked who waits for them.
    pub(super) news: BTreeSet<RunId>,
    /// Runs that were cancelled, and their children have yet to be.
    pub(super) cancelled: BTreeSet<RunId>,
    pub(super) servers: Servers,
    pub(super) admission: Admission,
    pub(super) schedules: ScheduleRows,
    pub(super) kinds: BTreeMap<Kind, KindDescription>,
    pub(super) ends: Ends,
    pub(super) statistics: Statistics,
    /// Grows when the store is reopened: a call of an earlier life is told that its store is closed.
    pub(super) life: u64,
    /// Until it is reopened.
    pub(super) closed: bool,
}

pub(super) struct Record {
    pub(super) stored: StoredRun,
    /// The position of its end.
    pub(super) end: Option<u64>,
    /// What its attempts said, by place.
    pub(super) log: BTreeMap<(u8, u8), (u32, LogPage)>,
}

impl From<StoredRun> for Record {
    fn from(stored: StoredRun) -> Self {
        Self { stored, end: None, log: BTreeMap::new() }
    }
}

/// For runs of which it is known that they are there.
pub(super) fn absent<E>(id: RunId) -> E {
    unreachable!("{id} was just there")
}

impl MemoryState {
    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().map(|record| &record.stored.run)
    }

    pub(super) fn run(&self, id: RunId) -> Option<&Run> {
        self.runs.get(&id).map(|record| &record.stored.run)
    }

    /// A run is new. One that comes from another store brings its end and its log.
    pub(super) fn add(&mut self, record: Record) {
        let run = &record.stored.run;
        self.statistics.record(self.now, run, None, Some(run.state.kind()));
        self.note_family(run, None, run.counts_as());
        self.runs.insert(run.id, record);
    }

    /// Lets an operation happen to a run. One that is refused leaves it as it was.
    pub(super) fn change<T, E>(
        &mut self,
        id: RunId,
        not_found: fn(RunId) -> E,
        operation: impl FnOnce(Timestamp, &mut StoredRun) -> Result<(T, Followup), E>,
    ) -> Result<T, E> {
        let stored = &mut self.runs.get_mut(&id).ok_or_else(|| not_found(id))?.stored;
        let before = stored.run.clone();
        let (answer, followup) = operation(self.now, stored)?;
        if followup.keep {
            self.follow(&before, followup);
        }
        Ok(answer)
    }

    /// Lets an event happen to a run that is there.
    pub(super) fn apply(&mut self, id: RunId, event: &Event) -> Result<(), IllegalEvent> {
        self.change(id, absent, |now, run| Ok(((), run.apply_event(now, event)?)))
    }

    /// What follows from the change of a run for all that is kept beside it.
    fn follow(&mut self, before: &Run, followup: Followup) {
        let record = self.runs.get_mut(&before.id).expect("it has just changed");
        let run = record.stored.run.clone();
        if run.state.is_final() && !before.state.is_final() {
            record.end = Some(self.ends.next(self.now));
        }
        if followup.order {
            self.servers.ask_to_stop(&run);
        }
        if followup.remove {
            self.ends.remove(record.end.unwrap_or_default());
            self.runs.remove(&run.id);
            self.child_counts.remove(&run.id);
        }
        let is_there = !followup.remove;
        self.statistics.record(self.now, &run, Some(before.state.kind()), is_there.then(|| run.state.kind()));
        self.note_family(&run, before.counts_as(), run.counts_as().filter(|_| is_there));
        if let Some(key) = run.order_key() {
            self.pass_turn(key);
        }
    }

    /// Ends the runs whose deadline has passed; answers whether there were any.
    pub(super) fn expire_deadlines(&mut self) -> bool {
        let passed = |run: &&Run| run.deadline().is_some_and(|deadline| deadline <= self.now);
        let expired: Vec<RunId> = self.runs().filter(passed).map(|run| run.id).collect();
        for id in &expired {
            self.apply(*id, &Event::Expire).expect("its deadline has passed");
        }
        !expired.is_empty()
    }

    /// When time alone ends a run next.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.runs().filter_map(Run::deadline).min()
    }

    pub(super) fn reopen(&mut self) {
        self.ends = Ends::found(self.now, self.ends.last(), self.ends.removed());
        let held = self.runs().filter_map(|run| match run.state {
            State::Running { server } => Some(server),
            _ => None,
        });
        for server in held.collect::<BTreeSet<_>>() {
            self.crash(server, "its process ended unexpectedly");
        }
        self.servers = Servers::default();
        self.admission.reopen(self.now);
        self.life += 1;
        self.closed = false;
    }
}
