//! Attempts keep what they have done.

use longhaul_core::{
    Timestamp,
    store::{Checkpoint, CheckpointError, Checkpointed},
};

use super::attempt::{holds, save, tell};
use crate::change::Change;

pub(super) fn checkpoint(
    now: Timestamp,
    change: &mut Change,
    one: &Checkpoint,
) -> Result<Checkpointed, CheckpointError> {
    let Checkpoint { id, epoch, seq, execution_metadata, taken, progress } = one;
    if !holds(change, *epoch) {
        return Err(CheckpointError::EpochLost { id: *id, epoch: *epoch });
    }
    match execution_metadata {
        Some(value) => save(now, change, (*epoch, *seq), (value, taken), progress.as_ref(), true),
        None => tell(change, progress.as_ref()),
    }
    Ok(Checkpointed { request: change.kept.stored.run.request.clone() })
}
