//! What attempts save.

use longhaul_core::{
    Envelope, Epoch, Event, IllegalEvent, Progress, RunId, StateKind, decide,
    store::{Checkpoint, CheckpointError, Checkpointed},
};

use crate::{
    committer::{Committer, Touch},
    error::Fault,
    state::record::Record,
};

impl Committer {
    pub(crate) fn checkpoint(&mut self, one: Checkpoint) -> Result<Result<Checkpointed, CheckpointError>, Fault> {
        let Checkpoint { id, epoch, seq, execution_metadata, taken, progress } = one;
        if !self.holds(id, epoch) {
            let lost =
                if self.exists(id)? { CheckpointError::EpochLost { id, epoch } } else { CheckpointError::NotFound(id) };
            return Ok(Err(lost));
        }
        let mut record = self.active.remove(&id).expect("the attempt holds the run");
        let request = record.run.request.clone();
        let saved = match execution_metadata {
            Some(value) => self.save(&mut record, (seq, value), taken, progress, true),
            None => self.tell(&mut record, progress),
        };
        match saved {
            Saved::Changed => self.keep(record)?,
            Saved::Unchanged => self.put_back(record),
        }
        Ok(Ok(Checkpointed { request }))
    }

    /// The execution of a run that was claimed ahead begins; one that has begun goes on.
    pub(crate) fn begin(&mut self, id: RunId, epoch: Epoch) -> Result<Result<(), CheckpointError>, Fault> {
        if !self.holds(id, epoch) {
            let lost =
                if self.exists(id)? { CheckpointError::EpochLost { id, epoch } } else { CheckpointError::NotFound(id) };
            return Ok(Err(lost));
        }
        // The page of its claim.
        self.room(1)?;
        let mut record = self.active.remove(&id).expect("the attempt holds the run");
        match record.apply_decision(decide(self.now, &record.run, &Event::Begin { epoch })) {
            Ok(_) if self.claim_pages.begin(id) => {
                self.touched.entry(id).or_insert(Touch::Seen);
                self.put_back(record);
            }
            // Its record was written since the claim, and says what its slot said.
            Ok(_) => self.keep(record)?,
            Err(_) => self.put_back(record),
        }
        Ok(Ok(()))
    }

    /// Whether this attempt has the run.
    pub(crate) fn holds(&self, id: RunId, epoch: Epoch) -> bool {
        let run = self.active.get(&id).map(|record| &record.run);
        run.is_some_and(|run| run.state.kind() == StateKind::Running && run.epoch == epoch)
    }

    /// A save by the attempt that holds the run.
    pub(crate) fn save(
        &mut self,
        record: &mut Record,
        (seq, value): (u32, Envelope),
        taken: u64,
        progress: Option<Progress>,
        proves: bool,
    ) -> Saved {
        let differs = record.execution_metadata.as_ref() != Some(&value);
        let changed = differs.then(|| value.schema_version());
        let event = Event::Checkpoint { epoch: record.run.epoch, seq, changed, proves, taken };
        let held = record.run.inbox().messages.len();
        match record.apply_decision(decide(self.now, &record.run, &event)) {
            Ok(_) => {
                record.set_execution_metadata(Some(value));
                record.run.progress = progress.or(record.run.progress.take());
                self.touched.entry(record.run.id).or_insert(Touch::Seen);
                // The same value again needs no write: what is in the file holds it.
                if differs || record.run.inbox().messages.len() < held { Saved::Changed } else { Saved::Unchanged }
            }
            // A repeat, or one that was overtaken: what is kept is at least as new.
            Err(IllegalEvent::Superseded { .. }) => Saved::Unchanged,
            Err(illegal) => unreachable!("the attempt holds the run: {illegal}"),
        }
    }

    /// Progress alone: shown at once, and kept with the next write.
    pub(crate) fn tell(&mut self, record: &mut Record, progress: Option<Progress>) -> Saved {
        if progress.is_some() {
            record.run.progress = progress;
            record.run.revision += 1;
            self.touched.entry(record.run.id).or_insert(Touch::Seen);
        }
        Saved::Unchanged
    }
}

/// Whether the file must learn of it.
pub(crate) enum Saved {
    Changed,
    Unchanged,
}
