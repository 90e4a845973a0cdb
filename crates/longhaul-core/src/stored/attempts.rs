//! What servers and attempts do to a run.

use super::{Followup, StoredRun};
use crate::{
    decide::IllegalEvent,
    envelope::Envelope,
    event::Event,
    id::{Epoch, ServerId},
    progress::Progress,
    state::StateKind,
    store::{Checkpoint, CheckpointError, Checkpointed, Claimed, SettleError, Settled, Settlement},
    time::Timestamp,
};

impl StoredRun {
    /// A server takes it.
    ///
    /// # Errors
    /// It is not due.
    ///
    /// ```
    /// use longhaul_core::{StoredRun, doc};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// let (claimed, followup) = stored.claim(doc::NOW, doc::SERVER, true)?;
    /// assert_eq!((claimed.due, claimed.run), (doc::NOW, doc::running()));
    /// assert!(followup.keep);
    /// assert!(stored.claim(doc::NOW, doc::SERVER, true).is_err());
    /// # Ok::<(), longhaul_core::IllegalEvent>(())
    /// ```
    pub fn claim(
        &mut self,
        now: Timestamp,
        server: ServerId,
        begins: bool,
    ) -> Result<(Claimed, Followup), IllegalEvent> {
        let due = self.run.due();
        let followup = self.apply_event(now, &Event::Claim { server, begins })?;
        let claimed = Claimed {
            run: self.run.clone(),
            due: due.expect("what can be claimed is due"),
            metadata: self.metadata.clone(),
            execution_metadata: self.execution_metadata.clone(),
        };
        Ok((claimed, followup))
    }

    /// The execution of a run that was claimed ahead begins; one that has begun goes on.
    ///
    /// # Errors
    /// The attempt has lost its claim.
    ///
    /// ```
    /// use longhaul_core::{Epoch, StoredRun, doc};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// stored.claim(doc::NOW, doc::SERVER, false)?;
    /// assert!(stored.begin(doc::NOW, Epoch(1))?.1.keep);
    /// assert!(!stored.begin(doc::NOW, Epoch(1))?.1.keep); // it has begun
    /// assert!(stored.begin(doc::NOW, Epoch(2)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin(&mut self, now: Timestamp, epoch: Epoch) -> Result<((), Followup), CheckpointError> {
        self.ensure_executes(epoch)?;
        match self.apply_event(now, &Event::Begin { epoch }) {
            Ok(followup) => Ok(((), followup)),
            Err(IllegalEvent::State { .. }) => Ok(((), Followup::default())),
            Err(illegal) => unreachable!("the attempt executes the run: {illegal}"),
        }
    }

    /// Keeps execution metadata, or tells progress. A checkpoint that is repeated, or was overtaken, changes nothing: what
    /// is kept is at least as new.
    ///
    /// # Errors
    /// The attempt has lost its claim.
    ///
    /// ```
    /// use longhaul_core::{Epoch, StoredRun, doc, store::Checkpoint};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// stored.claim(doc::NOW, doc::SERVER, true)?;
    /// let (id, execution_metadata) = (stored.run.id, Some(doc::value()));
    /// let first = Checkpoint { id, epoch: Epoch(1), seq: 1, execution_metadata, taken: Vec::new(), progress: None };
    /// let (kept, followup) = stored.checkpoint(doc::NOW, first.clone())?;
    /// assert!(kept.request.is_none() && followup.changed.execution_metadata);
    /// assert!(!stored.checkpoint(doc::NOW, first)?.1.keep);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn checkpoint(&mut self, now: Timestamp, one: Checkpoint) -> Result<(Checkpointed, Followup), CheckpointError> {
        let Checkpoint { epoch, seq, execution_metadata, taken, progress, .. } = one;
        self.ensure_executes(epoch)?;
        let followup = match execution_metadata {
            Some(value) => self.save(now, (seq, value), taken, progress, true),
            None => self.report(progress),
        };
        Ok((Checkpointed { request: self.run.request.clone() }, followup))
    }

    /// Ends an attempt. [`Settled::Already`] changes nothing.
    ///
    /// # Errors
    /// The attempt has lost its claim, and has not settled the run itself.
    ///
    /// ```
    /// use longhaul_core::{Ending, Epoch, StateKind, StoredRun, doc, store::{Settled, Settlement}};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// stored.claim(doc::NOW, doc::SERVER, true)?;
    /// let (id, ending) = (stored.run.id, Ending::Completed { result: doc::value() });
    /// let end = Settlement { id, epoch: Epoch(1), ending, execution_metadata: None, taken: Vec::new(), progress: None };
    /// assert_eq!(stored.settle(doc::NOW, end.clone())?.0, Settled::Now(StateKind::Completed));
    /// assert_eq!(stored.settle(doc::NOW, end)?.0, Settled::Already);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn settle(&mut self, now: Timestamp, one: Settlement) -> Result<(Settled, Followup), SettleError> {
        let Settlement { id, epoch, ending, execution_metadata, taken, progress } = one;
        if !self.executes(epoch) {
            let is_settled = self.settled && self.run.epoch == epoch;
            let already = (Settled::Already, Followup::default());
            return if is_settled { Ok(already) } else { Err(SettleError::EpochLost { id, epoch }) };
        }
        let saved = match execution_metadata {
            Some(last) => self.save(now, last, taken, progress, ending.proves_progress()),
            None => self.report(progress),
        };
        self.settled = true;
        let ended = self.apply_event(now, &Event::Settle { epoch, ending }).expect("the attempt executes the run");
        Ok((Settled::Now(self.run.state.kind()), saved.and(ended)))
    }

    /// Which attempt of the run logs at this epoch: the latest one may, whether it runs or has ended.
    ///
    /// # Errors
    /// It is not the latest.
    ///
    /// ```
    /// use longhaul_core::{Epoch, StoredRun, doc};
    ///
    /// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
    /// stored.claim(doc::NOW, doc::SERVER, true)?;
    /// assert_eq!(stored.logging_attempt(Epoch(1)), Ok(1));
    /// assert!(stored.logging_attempt(Epoch(0)).is_err());
    /// # Ok::<(), longhaul_core::IllegalEvent>(())
    /// ```
    pub fn logging_attempt(&self, epoch: Epoch) -> Result<u32, CheckpointError> {
        if self.run.epoch == epoch { Ok(self.run.attempts) } else { Err(self.epoch_lost(epoch)) }
    }

    fn executes(&self, epoch: Epoch) -> bool {
        self.run.state.kind() == StateKind::Running && self.run.epoch == epoch
    }

    fn ensure_executes(&self, epoch: Epoch) -> Result<(), CheckpointError> {
        if self.executes(epoch) { Ok(()) } else { Err(self.epoch_lost(epoch)) }
    }

    fn epoch_lost(&self, epoch: Epoch) -> CheckpointError {
        CheckpointError::EpochLost { id: self.run.id, epoch }
    }

    fn save(
        &mut self,
        now: Timestamp,
        (seq, value): (u32, Envelope),
        taken: Vec<u64>,
        progress: Option<Progress>,
        proves: bool,
    ) -> Followup {
        let differs = self.execution_metadata.as_ref() != Some(&value);
        let changed = differs.then(|| value.schema_version());
        let event = Event::Checkpoint { epoch: self.run.epoch, seq, changed, proves, taken };
        match self.apply_event(now, &event) {
            Ok(mut followup) => {
                self.execution_metadata = Some(value);
                self.run.progress = progress.or(self.run.progress.take());
                followup.changed.execution_metadata = differs;
                followup
            }
            Err(IllegalEvent::Superseded { .. }) => Followup::default(),
            Err(illegal) => unreachable!("the attempt executes the run: {illegal}"),
        }
    }

    fn report(&mut self, progress: Option<Progress>) -> Followup {
        let keep = progress.is_some();
        if keep {
            self.run.progress = progress;
            self.run.revision += 1;
        }
        Followup { keep, ..Followup::default() }
    }
}
