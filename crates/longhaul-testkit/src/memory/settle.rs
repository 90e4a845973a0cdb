//! What attempts write: checkpoints and endings.

use longhaul_core::{
    Envelope, Epoch, Event, IllegalEvent, Progress, RunId, StateKind, Timestamp,
    log::place,
    store::{Checkpoint, CheckpointError, Checkpointed, LogPages, SettleError, Settled, Settlement},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn checkpoint(&mut self, now: Timestamp, one: Checkpoint) -> Result<Checkpointed, CheckpointError> {
        let Checkpoint { id, epoch, seq, execution_metadata, taken, progress } = one;
        if !self.runs.contains_key(&id) {
            return Err(CheckpointError::NotFound(id));
        }
        if !self.holds(id, epoch) {
            return Err(CheckpointError::EpochLost { id, epoch });
        }
        match execution_metadata {
            Some(value) => self.save(now, (id, epoch, seq), (value, taken), progress, true),
            None => self.tell(id, progress),
        }
        Ok(Checkpointed { request: self.runs[&id].stored.run.request.clone() })
    }

    pub(super) fn settle(&mut self, now: Timestamp, one: Settlement) -> Result<Settled, SettleError> {
        let Settlement { id, epoch, ending, execution_metadata, taken, progress } = one;
        let Some(record) = self.runs.get(&id) else {
            return Err(SettleError::NotFound(id));
        };
        if !self.holds(id, epoch) {
            let settled = record.stored.settled && record.stored.run.epoch == epoch;
            return if settled { Ok(Settled::Already) } else { Err(SettleError::EpochLost { id, epoch }) };
        }
        match execution_metadata {
            Some((seq, value)) => {
                self.save(now, (id, epoch, seq), (value, taken), progress, ending.proves_progress());
            }
            None => self.tell(id, progress),
        }
        self.runs.get_mut(&id).expect("it was just there").stored.settled = true;
        let state = self.apply(now, id, &Event::Settle { epoch, ending }).expect("the attempt holds the run");
        Ok(Settled::Now(state))
    }

    /// The execution of a run that was claimed ahead begins; one that has begun goes on.
    pub(super) fn begin(&mut self, now: Timestamp, id: RunId, epoch: Epoch) -> Result<(), CheckpointError> {
        if !self.runs.contains_key(&id) {
            return Err(CheckpointError::NotFound(id));
        }
        if !self.holds(id, epoch) {
            return Err(CheckpointError::EpochLost { id, epoch });
        }
        match self.apply(now, id, &Event::Begin { epoch }) {
            Ok(_) | Err(IllegalEvent::State { .. }) => Ok(()),
            Err(illegal) => unreachable!("the attempt holds the run: {illegal}"),
        }
    }

    /// The latest attempt, whether it runs or has ended.
    pub(super) fn log(&mut self, one: LogPages) -> Result<(), CheckpointError> {
        let LogPages { id, epoch, pages } = one;
        let record = self.runs.get_mut(&id).ok_or(CheckpointError::NotFound(id))?;
        if record.stored.run.epoch != epoch {
            return Err(CheckpointError::EpochLost { id, epoch });
        }
        let attempt = record.stored.run.attempts;
        record.log.extend(pages.into_iter().map(|page| (place(attempt, page.number), (attempt, page))));
        Ok(())
    }

    fn holds(&self, id: RunId, epoch: Epoch) -> bool {
        let run = &self.runs[&id].stored.run;
        run.state.kind() == StateKind::Running && run.epoch == epoch
    }

    fn save(
        &mut self,
        now: Timestamp,
        (id, epoch, seq): (RunId, Epoch, u32),
        (value, taken): (Envelope, Vec<u64>),
        progress: Option<Progress>,
        proves: bool,
    ) {
        let before = &self.runs[&id].stored.execution_metadata;
        let changed = (before.as_ref() != Some(&value)).then(|| value.schema_version());
        match self.apply(now, id, &Event::Checkpoint { epoch, seq, changed, proves, taken }) {
            Ok(_) => {
                let snapshot = &mut self.runs.get_mut(&id).expect("it was there").stored;
                snapshot.execution_metadata = Some(value);
                snapshot.run.progress = progress.or(snapshot.run.progress.take());
            }
            // A repeat, or one that was overtaken: what is kept is at least as new.
            Err(IllegalEvent::Superseded { .. }) => {}
            Err(illegal) => unreachable!("the attempt holds the run: {illegal}"),
        }
    }

    fn tell(&mut self, id: RunId, progress: Option<Progress>) {
        if progress.is_some() {
            let run = &mut self.runs.get_mut(&id).expect("it was there").stored.run;
            run.progress = progress;
            run.revision += 1;
        }
    }
}
