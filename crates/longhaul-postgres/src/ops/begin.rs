//! Runs that were claimed ahead begin.

use longhaul_core::{Epoch, Event, IllegalEvent, RunId, Timestamp, store::CheckpointError};

use super::attempt::holds;
use crate::change::Change;

/// The execution of a run that was claimed ahead begins; one that has begun goes on.
pub(super) fn begin(now: Timestamp, change: &mut Change, id: RunId, epoch: Epoch) -> Result<(), CheckpointError> {
    if !holds(change, epoch) {
        return Err(CheckpointError::EpochLost { id, epoch });
    }
    match change.decide(now, &Event::Begin { epoch }) {
        Ok(_) | Err(IllegalEvent::State { .. }) => Ok(()),
        Err(illegal) => unreachable!("the attempt holds the run: {illegal}"),
    }
}
