//! Runs are cancelled.

use longhaul_core::{
    Actor, Event, RunId, StateKind,
    store::{CancelError, Cancelled},
};

use super::decide::Changed;
use crate::handle::Inner;

impl Inner {
    pub(crate) async fn cancel(
        &self,
        id: RunId,
        reason: Option<Box<str>>,
        by: &Actor,
    ) -> Result<Cancelled, CancelError> {
        match self.decide(id, &Event::Cancel { reason }, by).await? {
            Changed::NotFound => Err(CancelError::NotFound(id)),
            Changed::Done((_, StateKind::Cancelled)) => Ok(Cancelled::Now),
            Changed::Done(_) => Ok(Cancelled::Requested),
            Changed::Refused(run, _) => Err(CancelError::Final { id, state: run.state.kind() }),
        }
    }
}
