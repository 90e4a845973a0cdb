//! A run and everything that is kept of it is removed.

use longhaul_core::{Event, RunId, decide, record::Damage, store::DeleteError};

use crate::{error::Fault, format::keys, state::State};

pub(crate) fn delete(store: &mut State, id: RunId) -> Result<Result<(), DeleteError>, Fault> {
    let record = match store.take(id) {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(Err(DeleteError::NotFound(id))),
        Err(Fault::Damage(damage)) => return delete_damaged(store, id, damage),
        Err(fault) => return Err(fault),
    };
    store.change_taken(record, |now, run| run.delete(now))
}

/// Deletes a run that cannot be read whole.
///
/// # Errors
/// The run is not final, and not even its record says what it is.
fn delete_damaged(store: &mut State, id: RunId, damage: Damage) -> Result<Result<(), DeleteError>, Fault> {
    if store.index.get(id).is_none() {
        store.unlist_under(&[keys::ENDED], id)?;
        let pieces = store.piece_keys(id)?;
        store.erase_values(id, pieces, true, None)?;
        store.forget_turn_of(id)?;
        return Ok(Ok(()));
    }
    let run = match store.load_run(id) {
        Ok(Some(run)) => run,
        Ok(None) | Err(Fault::Damage(_)) => return Err(damage.into()),
        Err(fault @ Fault::Engine(_)) => return Err(fault),
    };
    if decide(store.now, &run, &Event::Delete).is_err() {
        return Ok(Err(DeleteError::Running(id)));
    }
    let pieces = store.piece_keys(id)?;
    store.erase_values(id, pieces, false, None)?;
    store.forget(&run)?;
    store.forget_turn_of(id)?;
    Ok(Ok(()))
}
