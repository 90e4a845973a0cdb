//! The execution of a run begins.

use longhaul_core::{Epoch, RunId, store::CheckpointError};

use crate::{
    error::Fault,
    state::{State, Touch},
};

/// The execution of a run that was claimed ahead begins; one that has begun goes on.
pub(crate) fn begin(store: &mut State, id: RunId, epoch: Epoch) -> Result<Result<(), CheckpointError>, Fault> {
    // The page of its claim.
    store.room(1)?;
    let now = store.now;
    let Some(mut record) = store.active.remove(&id) else { return Ok(Err(store.lost_claim(id, epoch)?)) };
    let begun = record.change(|run| run.begin(now, epoch));
    let is_new = begun.as_ref().is_ok_and(|((), followup)| followup.keep);
    if is_new && !store.claim_pages.begin(id) {
        // Its record was written since the claim, and says what its slot said.
        store.keep(record)?;
    } else {
        if is_new {
            store.touched.entry(id).or_insert(Touch::Seen);
        }
        store.put_back(record);
    }
    Ok(begun.map(|((), _)| ()))
}
