//! What clients do to runs.

use longhaul_core::{
    Actor, Event, RunId, StateKind, Timestamp,
    store::{CancelError, Cancelled, DeleteError, Proceed, ProceedError, Proceeded, RunUpdate, UpdateError},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn proceed(&mut self, now: Timestamp, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        let event = proceed.event();
        let Proceed { id, replacement, by, .. } = proceed;
        let state = self.state(id).ok_or(ProceedError::NotFound(id))?;
        if let (StateKind::Suspended, Some(new)) = (state, &replacement)
            && new.revision != self.runs[&id].stored.run.revision
        {
            return Err(ProceedError::Conflict(id));
        }
        let after = match self.apply_for(now, id, &event, by) {
            Ok(after) => after,
            Err(why) => {
                return ProceedError::of(&self.runs[&id].stored.run, &why).map_or(Ok(Proceeded::Repeated), Err);
            }
        };
        if let Some(new) = replacement {
            let snapshot = &mut self.runs.get_mut(&id).expect("it was there").stored;
            snapshot.execution_metadata = Some(new.execution_metadata);
        }
        Ok(Proceeded::of(state, after))
    }

    pub(super) fn cancel(
        &mut self,
        now: Timestamp,
        id: RunId,
        reason: Option<Box<str>>,
        by: Actor,
    ) -> Result<Cancelled, CancelError> {
        let state = self.state(id).ok_or(CancelError::NotFound(id))?;
        match self.apply_for(now, id, &Event::Cancel { reason }, by) {
            Ok(StateKind::Cancelled) => Ok(Cancelled::Now),
            Ok(_) => Ok(Cancelled::Requested),
            Err(_) => Err(CancelError::Final { id, state }),
        }
    }

    pub(super) fn update(
        &mut self,
        now: Timestamp,
        id: RunId,
        update: RunUpdate,
        by: Actor,
    ) -> Result<StateKind, UpdateError> {
        self.state(id).ok_or(UpdateError::NotFound(id))?;
        self.apply_for(now, id, &update.event(), by).map_err(|why| UpdateError::Refused { id, why })
    }

    pub(super) fn delete(&mut self, now: Timestamp, id: RunId) -> Result<(), DeleteError> {
        self.state(id).ok_or(DeleteError::NotFound(id))?;
        self.apply(now, id, &Event::Delete).map(drop).map_err(|_| DeleteError::Running(id))
    }

    pub(super) fn release_incompatible(&mut self, now: Timestamp, runs: &[RunId]) -> usize {
        let there: Vec<_> = runs.iter().filter(|id| self.runs.contains_key(id)).collect();
        there.into_iter().filter(|id| self.apply(now, **id, &Event::ReleaseIncompatible).is_ok()).count()
    }

    fn state(&self, id: RunId) -> Option<StateKind> {
        self.runs.get(&id).map(|record| record.stored.run.state.kind())
    }
}
