//! What attempts save.

use longhaul_core::{
    Envelope, Event, IllegalEvent, Progress, decide,
    store::{Checkpoint, CheckpointError, Checkpointed},
};

use crate::{
    error::Fault,
    state::{State, Touch, record::Record},
};

pub(crate) fn checkpoint(store: &mut State, one: Checkpoint) -> Result<Result<Checkpointed, CheckpointError>, Fault> {
    let Checkpoint { id, epoch, seq, execution_metadata, taken, progress } = one;
    if !store.owns_claim(id, epoch) {
        let lost =
            if store.exists(id)? { CheckpointError::EpochLost { id, epoch } } else { CheckpointError::NotFound(id) };
        return Ok(Err(lost));
    }
    let mut record = store.active.remove(&id).expect("the attempt holds the run");
    let request = record.run.request.clone();
    let saved = match execution_metadata {
        Some(value) => save(store, &mut record, (seq, value), taken, progress, true),
        None => report_progress(store, &mut record, progress),
    };
    match saved {
        Saved::Changed => store.keep(record)?,
        Saved::Unchanged => store.put_back(record),
    }
    Ok(Ok(Checkpointed { request }))
}

/// A save by the attempt that holds the run.
pub(super) fn save(
    store: &mut State,
    record: &mut Record,
    (seq, value): (u32, Envelope),
    taken: Vec<u64>,
    progress: Option<Progress>,
    proves: bool,
) -> Saved {
    let differs = record.execution_metadata.as_ref() != Some(&value);
    let changed = differs.then(|| value.schema_version());
    let event = Event::Checkpoint { epoch: record.run.epoch, seq, changed, proves, taken };
    let (held, had_begun) = (record.run.inbox().messages.len(), record.run.begun);
    match record.apply_decision(decide(store.now, &record.run, &event)) {
        Ok(_) => {
            record.set_execution_metadata(Some(value));
            record.run.progress = progress.or(record.run.progress.take());
            store.touched.entry(record.run.id).or_insert(Touch::Seen);
            // The same value again needs no write: what is in the file holds it. But an attempt that saves has begun.
            let begins = record.run.begun && !had_begun;
            let empties_inbox = record.run.inbox().messages.len() < held;
            if differs || empties_inbox || begins { Saved::Changed } else { Saved::Unchanged }
        }
        // A repeat, or one that was overtaken: what is kept is at least as new.
        Err(IllegalEvent::Superseded { .. }) => Saved::Unchanged,
        Err(illegal) => unreachable!("the attempt holds the run: {illegal}"),
    }
}

/// Progress without execution metadata: shown at once, and kept with the next write.
pub(super) fn report_progress(store: &mut State, record: &mut Record, progress: Option<Progress>) -> Saved {
    if progress.is_some() {
        record.run.progress = progress;
        record.run.revision += 1;
        store.touched.entry(record.run.id).or_insert(Touch::Seen);
    }
    Saved::Unchanged
}

/// Whether it has to be written.
pub(super) enum Saved {
    Changed,
    Unchanged,
}
