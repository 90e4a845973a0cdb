//! Attempts end.

use longhaul_core::{
    Event, Timestamp,
    store::{SettleError, Settled, Settlement},
};

use super::attempt::{holds, save, tell};
use crate::change::Change;

pub(super) fn settle(now: Timestamp, change: &mut Change, one: &Settlement) -> Result<Settled, SettleError> {
    let Settlement { id, epoch, ending, execution_metadata, taken, progress } = one;
    if !holds(change, *epoch) {
        let stored = &change.kept.stored;
        let settled = stored.settled && stored.run.epoch == *epoch;
        return if settled { Ok(Settled::Already) } else { Err(SettleError::EpochLost { id: *id, epoch: *epoch }) };
    }
    match execution_metadata {
        Some((seq, value)) => {
            save(now, change, (*epoch, *seq), (value, taken), progress.as_ref(), ending.proves_progress());
        }
        None => tell(change, progress.as_ref()),
    }
    change.kept.stored.settled = true;
    let event = Event::Settle { epoch: *epoch, ending: ending.clone() };
    Ok(Settled::Now(change.decide(now, &event).expect("the attempt holds the run")))
}
