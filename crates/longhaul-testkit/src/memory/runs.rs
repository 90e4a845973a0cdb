//! What clients do with runs.

use longhaul_core::{
    Actor, Event, Inserted, Key, Kind, NewRun, Retentions, Run, RunId, StateKind, StoreError, StoredRun, Timestamp,
    family::admit_child,
    lineage::{Succession, succeed},
    store::{
        CancelError, Cancelled, DeleteError, InsertError, Proceed, ProceedError, Proceeded, Retried, Retry, RetryError,
        RunUpdate, Swept, UpdateError, copy::RemovedKey,
    },
    stored::{duplicate, resolve_conflict},
};

use super::memory_state::{MemoryState, Record, absent};

impl MemoryState {
    pub(super) fn insert(&mut self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        Ok(runs.into_iter().map(|new| self.insert_one(new)).collect())
    }

    pub(super) fn insert_one(&mut self, new: NewRun) -> Result<Inserted, InsertError> {
        if let Some(there) = self.run(new.id) {
            return Err(duplicate(&new, Some(there)));
        }
        if let Some(parent) = new.parent() {
            admit_child(parent, self.run(parent.id), self.children_of(parent.id))?;
        }
        if let Some(unique) = &new.constraints().unique
            && let Some(holder) = self.key_holder(&new.kind, &unique.key)
        {
            return match resolve_conflict(&new, holder, self.run(holder.0))? {
                replaced @ Inserted::Replaced { id } => {
                    self.change(id, absent, |now, run| Ok((replaced, run.replace(now, new))))
                }
                existing => Ok(existing),
            };
        }
        let mut stored = StoredRun::enqueue(self.now, new);
        self.queue_up(&mut stored.run);
        self.add(Record::from(stored));
        Ok(Inserted::New)
    }

    /// The run that keeps others of this kind and key out, and its state; it may be gone.
    fn key_holder(&self, kind: &Kind, key: &Key) -> Option<(RunId, StateKind)> {
        let removed = || self.removed.get(&(kind.clone(), key.clone())).filter(|removed| self.now < removed.until);
        let there = self.holder_there(kind, key).map(|run| (run.id, run.state.kind()));
        there.or_else(|| removed().map(|removed| (removed.run, removed.state)))
    }

    /// The run that keeps others of this kind and key out, if it is still there.
    pub(super) fn holder_there(&self, kind: &Kind, key: &Key) -> Option<&Run> {
        self.runs().find(|run| run.kind == *kind && run.has_key(self.now, key))
    }

    pub(super) fn proceed(&mut self, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        self.change(proceed.id, ProceedError::NotFound, |now, run| run.proceed(now, proceed))
    }

    pub(super) fn cancel(&mut self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError> {
        self.change(id, CancelError::NotFound, |now, run| run.cancel(now, reason, by))
    }

    pub(super) fn retry(&mut self, retry: Retry) -> Result<Retried, RetryError> {
        let before = self.runs.get(&retry.id).ok_or(RetryError::NotFound(retry.id))?;
        let succession = match succeed(self.now, &before.stored, &retry) {
            Ok(succession) => succession,
            Err(answer) => return answer,
        };
        if self.runs.contains_key(&retry.successor) {
            return Err(RetryError::Duplicate(retry.successor));
        }
        let run = &succession.successor.run;
        let unique = run.constraints().unique.as_ref();
        succession.check_key(unique.and_then(|unique| self.key_holder(&run.kind, &unique.key)))?;
        let Succession { before, mut successor } = succession;
        successor.run.wait_if(self.is_taken(&successor.run));
        // The successor first: it has the turn of a run that stopped its key.
        self.add(Record::from(successor));
        self.change(retry.id, absent, |_, run| Ok((Retried::New, run.apply(before))))
    }

    pub(super) fn update(&mut self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError> {
        self.change(id, UpdateError::NotFound, |now, run| run.update(now, update, by))
    }

    pub(super) fn release_incompatible(&mut self, runs: Vec<RunId>) -> Result<usize, StoreError> {
        let there: Vec<RunId> = runs.into_iter().filter(|id| self.runs.contains_key(id)).collect();
        Ok(there.into_iter().filter(|id| self.apply(*id, &Event::ReleaseIncompatible).is_ok()).count())
    }

    pub(super) fn delete(&mut self, id: RunId) -> Result<(), DeleteError> {
        self.change(id, DeleteError::NotFound, |now, run| run.delete(now))
    }

    pub(super) fn sweep(&mut self, retentions: Retentions, max: usize) -> Result<Swept, StoreError> {
        self.admission.controls.forget_limit_keys(self.now);
        self.removed.retain(|_, removed| self.now < removed.until);
        let lives = |id: RunId| self.run(id).is_some_and(|parent| !parent.state.is_final());
        let removable = |run: &Run| {
            let at = retentions.of(&run.kind).removable_at(run.state.kind(), run.since)?;
            let stays = run.stops_key() || run.parent().is_some_and(|parent| lives(parent.id));
            (!stays).then_some((at, run.id))
        };
        let mut kept: Vec<(Timestamp, RunId)> = self.runs().filter_map(removable).collect();
        kept.sort_unstable();
        let removed = kept.iter().take(max).take_while(|(at, _)| *at <= self.now).count();
        for (_, id) in &kept[..removed] {
            if let Some(left) = self.run(*id).and_then(|run| RemovedKey::of(self.now, run)) {
                self.removed.insert((left.kind.clone(), left.key.clone()), left);
            }
            self.delete(*id).expect("a final run can be deleted");
        }
        Ok(Swept { removed, next: kept.get(removed).map(|(at, _)| *at) })
    }
}
