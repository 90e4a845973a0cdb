//! How attempts end.

use longhaul_core::{
    Event,
    store::{SettleError, Settled, Settlement},
};

use super::checkpoint::{report_progress, save};
use crate::{error::Fault, state::State};

pub(crate) fn settle(store: &mut State, one: Settlement) -> Result<Result<Settled, SettleError>, Fault> {
    let Settlement { id, epoch, ending, execution_metadata, taken, progress } = one;
    if !store.owns_claim(id, epoch) {
        let Some(record) = store.take(id)? else {
            return Ok(Err(SettleError::NotFound(id)));
        };
        let already = record.settled && record.run.epoch == epoch;
        store.put_back(record);
        return Ok(if already { Ok(Settled::Already) } else { Err(SettleError::EpochLost { id, epoch }) });
    }
    let mut record = store.active.remove(&id).expect("the attempt holds the run");
    match execution_metadata {
        Some(saved) => save(store, &mut record, saved, taken, progress, ending.proves_progress()),
        None => report_progress(store, &mut record, progress),
    };
    record.settled = true;
    let state = store.apply_event(record, &Event::Settle { epoch, ending })?;
    Ok(Ok(Settled::Now(state.expect("the attempt holds the run"))))
}
