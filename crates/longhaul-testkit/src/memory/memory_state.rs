//! What a store keeps, and the one way in which a run changes.

use std::{collections::BTreeMap, sync::Arc};

use longhaul_core::{
    Actor, Epoch, Event, History, IllegalEvent, Inserted, Key, Kind, LogPage, NewRun, Run, RunId, ScheduleName,
    ServerId, Snapshot, StateKind, Timestamp,
    admission::Admission,
    admit,
    constraints::{self, Conflict, conflict},
    decide,
    decide::Effects,
    isolation,
    store::{InsertError, StopSignal},
};

use super::server::Server;

/// The revision of a schedule's last change, and what it is since then; `None`: it was removed.
pub(super) type Revised = (u64, Option<Arc<[u8]>>);

#[derive(Default)]
pub(super) struct MemoryState {
    pub(super) runs: BTreeMap<RunId, Record>,
    pub(super) servers: BTreeMap<ServerId, Server>,
    pub(super) admission: Admission,
    pub(super) schedules: BTreeMap<ScheduleName, Revised>,
    /// How often any schedule was changed.
    pub(super) changes: u64,
    /// By position; what does not hold any more is left out when it is read.
    pub(super) stop_requests: BTreeMap<u64, StopSignal>,
    /// Grows when the store is reopened: a call of an earlier life is told that its store is closed.
    pub(super) life: u64,
}

pub(super) struct Record {
    pub(super) snapshot: Snapshot,
    /// The latest attempt whose ending was kept.
    pub(super) settled: Option<Epoch>,
    /// What its attempts said, by place.
    pub(super) log: BTreeMap<(u8, u8), (Epoch, LogPage)>,
}

impl MemoryState {
    pub(super) fn insert(&mut self, now: Timestamp, new: NewRun) -> Result<Inserted, InsertError> {
        if self.runs.contains_key(&new.id) {
            return Err(InsertError::Duplicate(new.id));
        }
        if let Some(unique) = &new.constraints().unique
            && let Some(there) = self.key_holder(now, &new.kind, &unique.key)
        {
            let (id, state) = (there.id, there.state.kind());
            return match conflict(unique.on_conflict, there) {
                Conflict::Return => Ok(Inserted::Existing { id, state }),
                Conflict::Refuse => Err(InsertError::Taken { key: unique.key.clone(), id, state }),
                Conflict::Replace => {
                    self.replace(now, id, new);
                    Ok(Inserted::Replaced { id })
                }
            };
        }
        let (run, first) = admit(now, &new);
        let snapshot = Snapshot {
            run,
            metadata: new.metadata,
            initial: new.execution_metadata.clone(),
            execution_metadata: new.execution_metadata,
            ended: None,
            history: History::starting(first),
        };
        self.runs.insert(new.id, Record { snapshot, settled: None, log: BTreeMap::new() });
        Ok(Inserted::New)
    }

    /// The run that keeps others of this kind and key out.
    pub(super) fn key_holder(&self, now: Timestamp, kind: &Kind, key: &Key) -> Option<&Run> {
        self.runs().find(|run| {
            let unique = run.constraints().unique.as_ref().filter(|unique| run.kind == *kind && unique.key == *key);
            unique.is_some_and(|unique| unique.holds(now, run))
        })
    }

    fn replace(&mut self, now: Timestamp, id: RunId, new: NewRun) {
        let event = constraints::replacement(now, &new);
        self.apply_for(now, id, &event, new.by).expect("it has not begun");
        let snapshot = &mut self.runs.get_mut(&id).expect("it was there").snapshot;
        snapshot.metadata = new.metadata;
        snapshot.initial.clone_from(&new.execution_metadata);
        snapshot.execution_metadata = new.execution_metadata;
    }

    /// What [`decide`] says of `event`, kept. The run must be there.
    pub(super) fn apply(&mut self, now: Timestamp, id: RunId, event: &Event) -> Result<StateKind, IllegalEvent> {
        self.apply_for(now, id, event, Actor::UNKNOWN)
    }

    /// The same, of an event that a client asked for.
    pub(super) fn apply_for(
        &mut self,
        now: Timestamp,
        id: RunId,
        event: &Event,
        by: Actor,
    ) -> Result<StateKind, IllegalEvent> {
        let snapshot = &mut self.runs.get_mut(&id).expect("callers look the run up first").snapshot;
        let decision = decide(now, &snapshot.run, event)?.asked_by(by);
        snapshot.run = decision.next;
        let Effects { history, ended, reset, order, remove } = decision.effects;
        if let Some(entry) = history {
            snapshot.history.push(entry);
        }
        if ended.is_some() {
            snapshot.ended = ended;
        }
        if reset {
            snapshot.execution_metadata = snapshot.initial.clone();
        }
        let state = snapshot.run.state.kind();
        if order {
            self.order(id);
        }
        if remove {
            self.runs.remove(&id);
        }
        Ok(state)
    }

    /// Ends the suspensions whose deadline has passed; answers whether there were any.
    pub(super) fn expire_suspensions(&mut self, now: Timestamp) -> bool {
        let passed = |run: &&Run| run.state.deadline().is_some_and(|deadline| deadline <= now);
        let expired: Vec<RunId> = self.runs().filter(passed).map(|run| run.id).collect();
        for id in &expired {
            self.apply(now, *id, &Event::Expire).expect("its deadline has passed");
        }
        !expired.is_empty()
    }

    /// The next deadline of a suspension.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.runs().filter_map(|run| run.state.deadline()).min()
    }

    /// Takes the claims of these runs away, all at once: they ran in one process, which is gone.
    pub(super) fn crash(&mut self, now: Timestamp, died: &[RunId], evidence: &str) {
        let alone = isolation::alone(died.iter().map(|id| &self.runs[id].snapshot.run));
        for id in died {
            let event = Event::Crash { evidence: evidence.into(), alone };
            self.apply(now, *id, &event).expect("a run that is executing can crash");
        }
    }

    pub(super) fn reopen(&mut self, now: Timestamp) {
        let died = self.running_where(|_| true);
        self.crash(now, &died, "the process ended without a word");
        self.servers.clear();
        self.stop_requests.clear();
        self.admission.reopen(now);
        self.life += 1;
    }
}
