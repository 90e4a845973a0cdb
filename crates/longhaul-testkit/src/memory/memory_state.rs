//! What a store keeps, and the one way in which a run changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use longhaul_core::{
    Actor, Decision, Event, IllegalEvent, Inserted, Key, Kind, LogPage, NewRun, Run, RunId, ScheduleName, ServerId,
    State, StateKind, StoredRun, Timestamp,
    admission::{
        Admission,
        suspects::{Blame, blame},
    },
    constraints::{self, Conflict, conflict, conflict_with_removed},
    counts::Statistics,
    decide,
    family::admit_child,
    lineage::{Succession, succeed},
    store::{InsertError, KindDescription, Retried, Retry, RetryError, StopSignal},
};

use super::{ends::Ends, families::Families, life::Server};

/// The revision of a schedule's last change, and what it is since then; `None`: it was removed.
pub(super) type Revised = (u64, Option<Arc<[u8]>>);

#[derive(Default)]
pub(super) struct MemoryState {
    pub(super) runs: BTreeMap<RunId, Record>,
    /// Keys that outlive their runs.
    pub(super) removed: BTreeMap<(Kind, Key), RemovedHolder>,
    pub(super) servers: BTreeMap<ServerId, Server>,
    pub(super) admission: Admission,
    pub(super) schedules: BTreeMap<ScheduleName, Revised>,
    pub(super) kinds: BTreeMap<Kind, KindDescription>,
    /// How often any schedule was changed.
    pub(super) changes: u64,
    /// By position; what does not hold any more is left out when it is read.
    pub(super) stop_requests: BTreeMap<u64, StopSignal>,
    /// Grows when the store is reopened: a call of an earlier life is told that its store is closed.
    pub(super) life: u64,
    pub(super) ends: Ends,
    pub(super) statistics: Statistics,
    /// Until it is reopened.
    pub(super) closed: bool,
    pub(super) families: Families,
}

/// A run that is gone, and has its key for a period all the same.
pub(super) struct RemovedHolder {
    pub(super) id: RunId,
    /// As it was when its retention removed it.
    pub(super) state: StateKind,
    pub(super) until: Timestamp,
}

pub(super) struct Record {
    pub(super) stored: StoredRun,
    /// What its attempts said, by place.
    pub(super) log: BTreeMap<(u8, u8), (u32, LogPage)>,
}

impl MemoryState {
    pub(super) fn insert(&mut self, now: Timestamp, new: NewRun) -> Result<Inserted, InsertError> {
        if self.runs.contains_key(&new.id) {
            return Err(self.duplicate(&new));
        }
        if let Some(parent) = new.parent() {
            let there = self.runs.get(&parent.id).map(|record| &record.stored.run);
            admit_child(parent, there, self.families.counts(parent.id))?;
        }
        if let Some(unique) = &new.constraints().unique
            && let Some((id, state)) = self.key_holder(now, &new.kind, &unique.key)
        {
            let conflict = match self.runs.get(&id) {
                Some(there) => conflict(unique.on_conflict, &there.stored.run),
                None => conflict_with_removed(unique.on_conflict),
            };
            return match conflict {
                Conflict::Return => Ok(Inserted::Existing { id, state }),
                Conflict::Refuse => Err(InsertError::Taken { key: unique.key.clone(), id, state }),
                Conflict::Replace => {
                    self.replace(now, id, new);
                    Ok(Inserted::Replaced { id })
                }
            };
        }
        let mut stored = StoredRun::enqueue(now, new);
        self.queue_up(now, &mut stored.run);
        self.add(now, stored);
        Ok(Inserted::New)
    }

    pub(super) fn add(&mut self, now: Timestamp, stored: StoredRun) {
        self.statistics.record(now, &stored.run, None, Some(stored.run.state.kind()));
        self.families.moved(&stored.run, None, stored.run.counts_as());
        self.families.waits(&stored.run);
        self.runs.insert(stored.run.id, Record { stored, log: BTreeMap::new() });
    }

    /// The run that keeps others of this kind and key out, and its state; it may be gone.
    fn key_holder(&self, now: Timestamp, kind: &Kind, key: &Key) -> Option<(RunId, StateKind)> {
        let there = self.holder_there(now, kind, key).map(|run| (run.id, run.state.kind()));
        let removed = || self.removed.get(&(kind.clone(), key.clone())).filter(|removed| now < removed.until);
        there.or_else(|| removed().map(|removed| (removed.id, removed.state)))
    }

    /// The run that keeps others of this kind and key out, if it is still there.
    pub(super) fn holder_there(&self, now: Timestamp, kind: &Kind, key: &Key) -> Option<&Run> {
        self.runs().find(|run| {
            let unique = run.constraints().unique.as_ref().filter(|unique| run.kind == *kind && unique.key == *key);
            unique.is_some_and(|unique| unique.holds(now, run))
        })
    }

    /// Removes a final run whose retention has passed. Its key may outlive it.
    pub(super) fn remove_final(&mut self, now: Timestamp, id: RunId) {
        let run = &self.runs[&id].stored.run;
        let until = run.constraints().unique.as_ref().and_then(|unique| Some((unique.key.clone(), unique.until(run)?)));
        if let Some((key, until)) = until.filter(|(_, until)| now < *until) {
            let removed = RemovedHolder { id, state: run.state.kind(), until };
            self.removed.insert((run.kind.clone(), key), removed);
        }
        self.removed.retain(|_, removed| now < removed.until);
        self.apply(now, id, &Event::Delete).expect("a final run can be deleted");
    }

    pub(super) fn retry(&mut self, now: Timestamp, retry: &Retry) -> Result<Retried, RetryError> {
        let id = retry.id;
        let before = self.runs.get(&id).ok_or(RetryError::NotFound(id))?.stored.snapshot();
        let Succession { before: decision, successor } = match succeed(now, &before, retry) {
            Ok(succession) => succession,
            Err(IllegalEvent::Retried { successor }) => return Ok(Retried::Existing(successor)),
            Err(_) => return Err(RetryError::NotFinal { id, state: before.run.state.kind() }),
        };
        if self.runs.contains_key(&retry.successor) {
            return Err(RetryError::Duplicate(retry.successor));
        }
        if let Some(unique) = &successor.run.constraints().unique
            && let Some((holder, state)) =
                self.key_holder(now, &successor.run.kind, &unique.key).filter(|(holder, _)| *holder != id)
        {
            return Err(RetryError::Taken { key: unique.key.clone(), id: holder, state });
        }
        // The successor first: it has the turn of a run that stopped its key.
        self.add(now, successor.into());
        self.keep(now, id, decision);
        if let Some(key) = before.run.order_key() {
            self.pass_turn(now, key);
        }
        Ok(Retried::New)
    }

    fn replace(&mut self, now: Timestamp, id: RunId, new: NewRun) {
        let event = constraints::replacement(now, &new);
        self.apply_for(now, id, &event, new.by).expect("it has not begun");
        let stored = &mut self.runs.get_mut(&id).expect("it was there").stored;
        stored.replace(new.metadata, new.execution_metadata);
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
        let stored = &self.runs.get(&id).expect("callers look the run up first").stored;
        let decision = decide(now, &stored.run, event)?.asked_by(by);
        Ok(self.keep(now, id, decision))
    }

    fn keep(&mut self, now: Timestamp, id: RunId, decision: Decision) -> StateKind {
        let stored = &mut self.runs.get_mut(&id).expect("callers look the run up first").stored;
        let (before, counted) = (stored.run.state.kind(), stored.run.counts_as());
        let had_turn = stored.run.has_turn();
        let followup = stored.apply(decision);
        let state = stored.run.state.kind();
        self.statistics.record(now, &stored.run, Some(before), (!followup.remove).then_some(state));
        let counts = stored.run.counts_as().filter(|_| !followup.remove);
        self.families.moved(&stored.run, counted, counts);
        self.families.waits(&stored.run);
        let key = stored.run.order_key().filter(|_| had_turn && (followup.remove || !stored.run.has_turn())).cloned();
        if followup.order {
            self.order(id);
        }
        if state.is_final() && !before.is_final() && !followup.remove {
            self.ends.add(now, id);
            self.families.ended(id);
        }
        if followup.remove {
            self.ends.remove(id);
            self.families.removed(id);
            self.runs.remove(&id);
        }
        if let Some(key) = key {
            self.pass_turn(now, &key);
        }
        state
    }

    /// Ends the suspensions whose deadline has passed; answers whether there were any.
    pub(super) fn expire_deadlines(&mut self, now: Timestamp) -> bool {
        let passed = |run: &&Run| run.deadline().is_some_and(|deadline| deadline <= now);
        let expired: Vec<RunId> = self.runs().filter(passed).map(|run| run.id).collect();
        for id in &expired {
            self.apply(now, *id, &Event::Expire).expect("its deadline has passed");
        }
        !expired.is_empty()
    }

    /// The next deadline of a suspension.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.runs().filter_map(Run::deadline).min()
    }

    /// Takes the claims of a server away, all at once: they ran in one process, which is gone.
    pub(super) fn crash(&mut self, now: Timestamp, server: ServerId, evidence: &str) -> usize {
        let died = self.running_where(|holder| holder == server);
        let blamed = blame(died.iter().map(|id| &self.runs[id].stored.run));
        for id in &died {
            let blame = blamed.filter(|(blamed, _)| blamed == id).map_or(Blame::Shared, |(_, blame)| blame);
            let event = Event::Crash { evidence: evidence.into(), blame };
            self.apply(now, *id, &event).expect("a run that is executing can crash");
        }
        died.len()
    }

    pub(super) fn reopen(&mut self, now: Timestamp) {
        self.ends.reopen();
        let held = |run: &Run| match run.state {
            State::Running { server } => Some(server),
            _ => None,
        };
        let servers: BTreeSet<ServerId> = self.runs().filter_map(held).collect();
        for server in servers {
            self.crash(now, server, "its process ended unexpectedly");
        }
        self.servers.clear();
        self.stop_requests.clear();
        self.admission.reopen(now);
        self.life += 1;
        self.closed = false;
    }
}
