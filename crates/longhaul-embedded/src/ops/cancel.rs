//! A client cancels a run.

use longhaul_core::{
    Actor, Event, RunId, StateKind,
    store::{CancelError, Cancelled},
};

use crate::{error::Fault, state::State};

pub(crate) fn cancel(
    store: &mut State,
    id: RunId,
    reason: Option<Box<str>>,
    by: Actor,
) -> Result<Result<Cancelled, CancelError>, Fault> {
    let Some(record) = store.take(id)? else {
        return Ok(Err(CancelError::NotFound(id)));
    };
    let state = record.run.state.kind();
    Ok(match store.apply_event_of(by, record, &Event::Cancel { reason })? {
        Ok(StateKind::Cancelled) => Ok(Cancelled::Now),
        Ok(_) => Ok(Cancelled::Requested),
        Err(_) => Err(CancelError::Final { id, state }),
    })
}
