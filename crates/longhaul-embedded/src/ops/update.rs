//! A client reschedules, prioritises or suspends a run.

use longhaul_core::{
    Actor, RunId, StateKind,
    store::{RunUpdate, UpdateError},
};

use crate::{error::Fault, state::State};

pub(crate) fn update(
    store: &mut State,
    id: RunId,
    update: RunUpdate,
    by: Actor,
) -> Result<Result<StateKind, UpdateError>, Fault> {
    store.change(id, UpdateError::NotFound, |now, run| run.update(now, update, by))
}
