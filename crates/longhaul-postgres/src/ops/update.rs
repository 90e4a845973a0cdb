//! What clients do to runs that are there.

use longhaul_core::{
    Actor, Event, IllegalEvent, RunId, StateKind, StoreError, decide,
    store::{CancelError, Cancelled, DeleteError, Proceed, ProceedError, Proceeded, RunUpdate, UpdateError},
};

use super::sweep;
use crate::{
    change::{Change, News},
    id::{Uuid, uuids},
    row::{self, state_number},
    session::transact,
    store::Inner,
};

/// What became of a run that a client changed.
enum Changed<T> {
    NotFound,
    Done(T),
    Refused(Box<longhaul_core::Run>, IllegalEvent),
}

impl Inner {
    /// Decides one event of one run, and keeps what was decided.
    async fn decide(
        &self,
        id: RunId,
        event: &Event,
        by: &Actor,
    ) -> Result<Changed<(StateKind, StateKind)>, StoreError> {
        self.ensure_open()?;
        let (answer, news) = transact!(self, begin, tx => {
            let (now, mut news) = (self.now(), News::default());
            self.expire_among(&tx, now, &[id], &mut news).await?;
            let answer = match row::lock(&tx, [id]).await?.pop() {
                None => Changed::NotFound,
                Some(kept) => {
                    let mut change = Change::of(kept);
                    let before = change.state();
                    match change.decide_for(now, event, by.clone()) {
                        Err(why) => Changed::Refused(Box::new(change.kept.stored.run.clone()), why),
                        Ok(after) => {
                            self.keep_locked(&tx, &mut [change], &mut news).await?;
                            Changed::Done((before, after))
                        }
                    }
                }
            };
            Ok((answer, news))
        })?;
        news.tell(self);
        Ok(answer)
    }

    pub(crate) async fn cancel(
        &self,
        id: RunId,
        reason: Option<Box<str>>,
        by: &Actor,
    ) -> Result<Cancelled, CancelError> {
        match self.decide(id, &Event::Cancel { reason }, by).await? {
            Changed::NotFound => Err(CancelError::NotFound(id)),
            Changed::Done((_, StateKind::Running)) => Ok(Cancelled::Requested),
            Changed::Done(_) => Ok(Cancelled::Now),
            Changed::Refused(run, _) => Err(CancelError::Final { id, state: run.state.kind() }),
        }
    }

    pub(crate) async fn update(&self, id: RunId, update: RunUpdate, by: &Actor) -> Result<StateKind, UpdateError> {
        match self.decide(id, &update.event(), by).await? {
            Changed::NotFound => Err(UpdateError::NotFound(id)),
            Changed::Done((_, after)) => Ok(after),
            Changed::Refused(_, why) => Err(UpdateError::Refused { id, why }),
        }
    }

    pub(crate) async fn proceed(&self, proceed: &Proceed) -> Result<Proceeded, ProceedError> {
        self.ensure_open()?;
        let (answer, news) = transact!(self, begin, tx => {
            let (now, mut news) = (self.now(), News::default());
            let event = proceed.event();
            let Proceed { id, replacement, by, .. } = proceed.clone();
            self.expire_among(&tx, now, &[id], &mut news).await?;
            let answer = 'answer: {
                let Some(kept) = row::lock(&tx, [id]).await?.pop() else { break 'answer Err(ProceedError::NotFound(id)) };
                let mut change = Change::of(kept);
                let state = change.state();
                if let (StateKind::Suspended, Some(new)) = (state, &replacement)
                    && new.revision != change.kept.stored.run.revision
                {
                    break 'answer Err(ProceedError::Conflict(id));
                }
                if let Err(why) = change.decide_for(now, &event, by) {
                    break 'answer ProceedError::of(&change.kept.stored.run, &why).map_or(Ok(Proceeded::Repeated), Err);
                }
                if let Some(new) = replacement {
                    change.kept.stored.set_execution_metadata(Some(new.execution_metadata));
                    change.written.execution_metadata = true;
                }
                let after = change.state();
                self.keep_locked(&tx, &mut [change], &mut news).await?;
                Ok(Proceeded::of(state, after))
            };
            Ok((answer, news))
        })?;
        news.tell(self);
        answer
    }

    pub(crate) async fn release_incompatible(&self, runs: &[RunId]) -> Result<usize, StoreError> {
        self.ensure_open()?;
        let (released, news) = transact!(self, begin, tx => {
            let (now, mut news) = (self.now(), News::default());
            let mut changes: Vec<Change> = row::lock(&tx, runs.iter().copied()).await?.into_iter().map(Change::of).collect();
            changes.retain_mut(|change| change.decide(now, &Event::ReleaseIncompatible).is_ok());
            self.keep_locked(&tx, &mut changes, &mut news).await?;
            Ok((changes.len(), news))
        })?;
        news.tell(self);
        Ok(released)
    }

    /// A run that cannot be read is removed too: nothing can be decided of it, but its row says whether it runs.
    pub(crate) async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.ensure_open()?;
        let answer = transact!(self, begin, tx => {
            let select = concat!("SELECT ", row::columns!(), ", r.state FROM @run r WHERE r.id = $1 FOR UPDATE");
            let Some(row) = tx.query_opt(select, &[&Uuid::from(id)]).await? else {
                return Ok(Err(DeleteError::NotFound(id)));
            };
            let is_refused = match row::read(&row)?.1 {
                Ok(kept) => decide(self.now(), &kept.stored.run, &Event::Delete).is_err(),
                Err(_) => row.try_get::<_, i16>(7)? == state_number(StateKind::Running),
            };
            if is_refused {
                return Ok(Err(DeleteError::Running(id)));
            }
            sweep::remove(&tx, &uuids([id])).await?;
            tx.execute("DELETE FROM @unique_key WHERE run = $1", &[&Uuid::from(id)]).await?;
            Ok(Ok(()))
        })?;
        if answer.is_ok() {
            self.wake.changed([id]);
            self.wake.claims.notify_waiters();
        }
        answer
    }
}
