//! What clients do to a run that is there.

use super::{Followup, StoredRun};
use crate::{
    event::Event,
    history::Actor,
    state::StateKind,
    store::{CancelError, Cancelled, DeleteError, Proceed, ProceedError, Proceeded, RunUpdate, UpdateError},
    time::Timestamp,
};

impl StoredRun {
    /// It is cancelled, or asked to end.
    ///
    /// # Errors
    /// It is final.
    ///
    /// ```
    /// use longhaul_core::{Actor, StoredRun, doc, store::Cancelled};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// assert_eq!(stored.cancel(doc::NOW, None, Actor::UNKNOWN)?.0, Cancelled::Now);
    /// assert!(stored.cancel(doc::NOW, None, Actor::UNKNOWN).is_err());
    /// # Ok::<(), longhaul_core::store::CancelError>(())
    /// ```
    pub fn cancel(
        &mut self,
        now: Timestamp,
        reason: Option<Box<str>>,
        by: Actor,
    ) -> Result<(Cancelled, Followup), CancelError> {
        match self.apply_event_of(by, now, &Event::Cancel { reason }) {
            Ok(followup) if self.run.state.kind() == StateKind::Cancelled => Ok((Cancelled::Now, followup)),
            Ok(followup) => Ok((Cancelled::Requested, followup)),
            Err(_) => Err(CancelError::Final { id: self.run.id, state: self.run.state.kind() }),
        }
    }

    /// Goes on, or is sent a value. One that was heard before changes nothing.
    ///
    /// # Errors
    /// It waits for no proceed, has changed since the caller read it, or takes no more values.
    ///
    /// ```
    /// use longhaul_core::{StoredRun, doc, store::{Proceed, ProceedError}};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// let refused = stored.proceed(doc::NOW, Proceed::new(stored.run.id)).unwrap_err();
    /// assert!(matches!(refused, ProceedError::NotSuspended { .. }));
    /// ```
    pub fn proceed(&mut self, now: Timestamp, proceed: Proceed) -> Result<(Proceeded, Followup), ProceedError> {
        let event = proceed.event();
        let Proceed { replacement, by, .. } = proceed;
        let before = self.run.state.kind();
        let is_outdated = |revision| before == StateKind::Suspended && revision != self.run.revision;
        if replacement.as_ref().is_some_and(|new| is_outdated(new.revision)) {
            return Err(ProceedError::Conflict(self.run.id));
        }
        let mut followup = match self.apply_event_of(by, now, &event) {
            Ok(followup) => followup,
            Err(why) => {
                let repeated = (Proceeded::Repeated, Followup::default());
                return ProceedError::of(&self.run, &why).map_or(Ok(repeated), Err);
            }
        };
        if let Some(new) = replacement {
            followup.changed.execution_metadata |= self.set_execution_metadata(Some(new.execution_metadata));
        }
        Ok((Proceeded::of(before, self.run.state.kind()), followup))
    }

    /// When, or whether, it goes on is changed. Answers the state that it is in then.
    ///
    /// # Errors
    /// That cannot be in the state that it is in.
    ///
    /// ```
    /// use longhaul_core::{Actor, Priority, StateKind, StoredRun, doc, store::RunUpdate};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// let (state, _) = stored.update(doc::NOW, RunUpdate::Prioritise(Priority(3)), Actor::UNKNOWN)?;
    /// assert_eq!((state, stored.run.priority), (StateKind::Pending, Priority(3)));
    /// # Ok::<(), longhaul_core::store::UpdateError>(())
    /// ```
    pub fn update(
        &mut self,
        now: Timestamp,
        update: RunUpdate,
        by: Actor,
    ) -> Result<(StateKind, Followup), UpdateError> {
        let id = self.run.id;
        let followup = self.apply_event_of(by, now, &update.event());
        followup.map(|followup| (self.run.state.kind(), followup)).map_err(|why| UpdateError::Refused { id, why })
    }

    /// It goes, with all that is kept of it.
    ///
    /// # Errors
    /// It is running.
    ///
    /// ```
    /// use longhaul_core::{StoredRun, doc, store::DeleteError};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// assert!(stored.clone().delete(doc::NOW)?.1.remove);
    /// stored.claim(doc::NOW, doc::SERVER, true)?;
    /// assert_eq!(stored.delete(doc::NOW), Err(DeleteError::Running(stored.run.id)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&mut self, now: Timestamp) -> Result<((), Followup), DeleteError> {
        let deleted = self.apply_event(now, &Event::Delete);
        deleted.map(|followup| ((), followup)).map_err(|_| DeleteError::Running(self.run.id))
    }
}
