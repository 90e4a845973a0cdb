//! A client cancels a run.

use longhaul_core::{
    Actor, RunId,
    store::{CancelError, Cancelled},
};

use crate::{error::Fault, state::State};

pub(crate) fn cancel(
    store: &mut State,
    id: RunId,
    reason: Option<Box<str>>,
    by: Actor,
) -> Result<Result<Cancelled, CancelError>, Fault> {
    store.change(id, CancelError::NotFound, |now, run| run.cancel(now, reason, by))
}
