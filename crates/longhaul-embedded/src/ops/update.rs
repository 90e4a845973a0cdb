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
    let Some(record) = store.take(id)? else {
        return Ok(Err(UpdateError::NotFound(id)));
    };
    let updated = store.apply_event_of(by, record, &update.event())?;
    Ok(updated.map_err(|why| UpdateError::Refused { id, why }))
}
