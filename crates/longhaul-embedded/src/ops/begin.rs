//! The execution of a run begins.

use longhaul_core::{Epoch, Event, RunId, decide, store::CheckpointError};

use crate::{
    error::Fault,
    state::{State, Touch},
};

/// The execution of a run that was claimed ahead begins; one that has begun goes on.
pub(crate) fn begin(store: &mut State, id: RunId, epoch: Epoch) -> Result<Result<(), CheckpointError>, Fault> {
    if !store.owns_claim(id, epoch) {
        let lost =
            if store.exists(id)? { CheckpointError::EpochLost { id, epoch } } else { CheckpointError::NotFound(id) };
        return Ok(Err(lost));
    }
    // The page of its claim.
    store.room(1)?;
    let mut record = store.active.remove(&id).expect("the attempt holds the run");
    match record.apply_decision(decide(store.now, &record.run, &Event::Begin { epoch })) {
        Ok(_) if store.claim_pages.begin(id) => {
            store.touched.entry(id).or_insert(Touch::Seen);
            store.put_back(record);
        }
        // Its record was written since the claim, and says what its slot said.
        Ok(_) => store.keep(record)?,
        Err(_) => store.put_back(record),
    }
    Ok(Ok(()))
}
