//! One run.

use longhaul_core::{RunId, Snapshot, store::GetError};

use crate::{error::Fault, state::State};

pub(crate) fn get(store: &mut State, id: RunId) -> Result<Result<Snapshot, GetError>, Fault> {
    if let Err(error) = store.shows(id) {
        return Ok(Err(error.into()));
    }
    Ok(store.snapshot(id)?.ok_or(GetError::NotFound(id)))
}
