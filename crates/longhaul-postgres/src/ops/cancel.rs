//! Runs are cancelled.

use longhaul_core::{
    Actor, RunId,
    store::{CancelError, Cancelled},
};

use crate::handle::Inner;

impl Inner {
    pub(crate) async fn cancel(
        &self,
        id: RunId,
        reason: Option<Box<str>>,
        by: &Actor,
    ) -> Result<Cancelled, CancelError> {
        self.change(id, CancelError::NotFound, |now, run| run.cancel(now, reason.clone(), by.clone())).await
    }
}
