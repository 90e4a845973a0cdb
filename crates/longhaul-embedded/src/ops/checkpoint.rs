//! What attempts save.

use longhaul_core::store::{Checkpoint, CheckpointError, Checkpointed};

use crate::{
    error::Fault,
    state::{State, Touch},
};

pub(crate) fn checkpoint(store: &mut State, one: Checkpoint) -> Result<Result<Checkpointed, CheckpointError>, Fault> {
    let (id, epoch, now) = (one.id, one.epoch, store.now);
    let Some(mut record) = store.active.remove(&id) else { return Ok(Err(store.lost_claim(id, epoch)?)) };
    let had_begun = record.run.begun;
    let (answer, followup) = match record.change(|run| run.checkpoint(now, one)) {
        Ok(kept) => kept,
        Err(lost) => {
            store.put_back(record);
            return Ok(Err(lost));
        }
    };
    if followup.keep {
        store.touched.entry(id).or_insert(Touch::Seen);
    }
    // The same value again needs no write: what is in the file holds it. Progress is kept with the next write. But an
    // attempt that saves has begun.
    if followup.changed.any() || record.run.begun != had_begun {
        store.keep(record)?;
    } else {
        store.put_back(record);
    }
    Ok(Ok(answer))
}
