//! What clients ask of a run.

use longhaul_core::{
    Actor, Event, RunId, StateKind, decide,
    store::{CancelError, Cancelled, DeleteError, Proceed, ProceedError, Proceeded, RunUpdate, UpdateError},
};

use crate::{committer::Committer, error::Fault};

impl Committer {
    pub(crate) fn proceed(&mut self, proceed: Proceed) -> Result<Result<Proceeded, ProceedError>, Fault> {
        let Proceed { id, at, replacement, value, key, by } = proceed;
        let Some(mut record) = self.take(id)? else {
            return Ok(Err(ProceedError::NotFound(id)));
        };
        let state = record.run.state.kind();
        if let (StateKind::Suspended, Some(new)) = (state, &replacement)
            && new.revision != record.run.revision
        {
            return Ok(Err(ProceedError::Conflict(id)));
        }
        let replaced = replacement.as_ref().map(|new| new.execution_metadata.schema_version());
        let event = Event::Proceed { at, replaced, value, key };
        if let Err(why) = decide(self.now, &record.run, &event) {
            let refused = ProceedError::of(&record.run, &why);
            self.put_back(record);
            return Ok(refused.map_or(Ok(Proceeded::Repeated), Err));
        }
        if let Some(new) = replacement {
            record.set_execution_metadata(Some(new.execution_metadata));
        }
        self.happen_for(record, &event, by)?.expect("it was just decided");
        Ok(Ok(if state == StateKind::Suspended { Proceeded::Now } else { Proceeded::Kept }))
    }

    pub(crate) fn cancel(
        &mut self,
        id: RunId,
        reason: Option<Box<str>>,
        by: Actor,
    ) -> Result<Result<Cancelled, CancelError>, Fault> {
        let Some(record) = self.take(id)? else {
            return Ok(Err(CancelError::NotFound(id)));
        };
        let state = record.run.state.kind();
        Ok(match self.happen_for(record, &Event::Cancel { reason }, by)? {
            Ok(StateKind::Running) => Ok(Cancelled::Requested),
            Ok(_) => Ok(Cancelled::Now),
            Err(_) => Err(CancelError::Final { id, state }),
        })
    }

    pub(crate) fn update(
        &mut self,
        id: RunId,
        update: RunUpdate,
        by: Actor,
    ) -> Result<Result<StateKind, UpdateError>, Fault> {
        let Some(record) = self.take(id)? else {
            return Ok(Err(UpdateError::NotFound(id)));
        };
        let steered = self.happen_for(record, &update.event(), by)?;
        Ok(steered.map_err(|why| UpdateError::Refused { id, why }))
    }

    pub(crate) fn delete(&mut self, id: RunId) -> Result<Result<(), DeleteError>, Fault> {
        let record = match self.take(id) {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Err(DeleteError::NotFound(id))),
            Err(Fault::Damage(damage)) => return self.delete_damaged(id, damage),
            Err(fault) => return Err(fault),
        };
        let deleted = self.apply_event(record, &Event::Delete)?;
        Ok(deleted.map(drop).map_err(|_| DeleteError::Running(id)))
    }

    pub(crate) fn release_incompatible(&mut self, runs: &[RunId]) -> Result<usize, Fault> {
        let mut released = 0;
        for id in runs {
            if self.index.is_parked(*id)
                && let Some(record) = self.take(*id)?
            {
                released += usize::from(self.apply_event(record, &Event::ReleaseIncompatible)?.is_ok());
            }
        }
        Ok(released)
    }
}
