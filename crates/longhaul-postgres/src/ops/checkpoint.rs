//! What attempts write: begins, checkpoints and ends of many runs in one transaction.

use std::collections::{HashMap, HashSet};

use longhaul_core::{
    Envelope, Epoch, Event, IllegalEvent, Progress, RunId, StateKind, StoreError, Timestamp,
    store::{Checkpoint, CheckpointError, Checkpointed, SettleError, Settled, Settlement},
};

use super::settle;
use crate::{
    change::{Change, News},
    error::Fault,
    row,
    session::{Tx, transact},
    store::Inner,
};

/// What an attempt writes.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Begin(RunId, Epoch),
    Checkpoint(Checkpoint),
    Settle(Settlement),
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Wrote {
    Begin(Result<(), CheckpointError>),
    Checkpoint(Result<Checkpointed, CheckpointError>),
    Settle(Result<Settled, SettleError>),
}

impl Write {
    fn id(&self) -> RunId {
        match self {
            Self::Begin(id, _) => *id,
            Self::Checkpoint(one) => one.id,
            Self::Settle(one) => one.id,
        }
    }

    fn not_found(&self) -> Wrote {
        match self {
            Self::Begin(id, _) => Wrote::Begin(Err(CheckpointError::NotFound(*id))),
            Self::Checkpoint(one) => Wrote::Checkpoint(Err(CheckpointError::NotFound(one.id))),
            Self::Settle(one) => Wrote::Settle(Err(SettleError::NotFound(one.id))),
        }
    }

    pub(crate) fn apply(&self, now: Timestamp, change: &mut Change) -> Wrote {
        match self {
            Self::Begin(id, epoch) => Wrote::Begin(begin(now, change, *id, *epoch)),
            Self::Checkpoint(one) => Wrote::Checkpoint(checkpoint(now, change, one)),
            Self::Settle(one) => Wrote::Settle(settle::settle(now, change, one)),
        }
    }
}

/// Whether this attempt still executes the run.
pub(super) fn holds(change: &Change, epoch: Epoch) -> bool {
    change.state() == StateKind::Running && change.kept.stored.run.epoch == epoch
}

/// The execution of a run that was claimed ahead begins; one that has begun goes on.
fn begin(now: Timestamp, change: &mut Change, id: RunId, epoch: Epoch) -> Result<(), CheckpointError> {
    if !holds(change, epoch) {
        return Err(CheckpointError::EpochLost { id, epoch });
    }
    match change.decide(now, &Event::Begin { epoch }) {
        Ok(_) | Err(IllegalEvent::State { .. }) => Ok(()),
        Err(illegal) => unreachable!("the attempt holds the run: {illegal}"),
    }
}

fn checkpoint(now: Timestamp, change: &mut Change, one: &Checkpoint) -> Result<Checkpointed, CheckpointError> {
    let Checkpoint { id, epoch, seq, execution_metadata, taken, progress } = one;
    if !holds(change, *epoch) {
        return Err(CheckpointError::EpochLost { id: *id, epoch: *epoch });
    }
    match execution_metadata {
        Some(value) => save(now, change, (*epoch, *seq), (value, taken), progress.as_ref(), true),
        None => tell(change, progress.as_ref()),
    }
    Ok(Checkpointed { request: change.kept.stored.run.request.clone() })
}

pub(super) fn save(
    now: Timestamp,
    change: &mut Change,
    (epoch, seq): (Epoch, u32),
    (value, taken): (&Envelope, &[u64]),
    progress: Option<&Progress>,
    proves: bool,
) {
    let before = &change.kept.stored.execution_metadata;
    let changed = (before.as_ref() != Some(value)).then(|| value.schema_version());
    match change.decide(now, &Event::Checkpoint { epoch, seq, changed, proves, taken: taken.to_vec() }) {
        Ok(_) => {
            let stored = &mut change.kept.stored;
            change.written.execution_metadata |= stored.set_execution_metadata(Some(value.clone()));
            if let Some(progress) = progress {
                stored.run.progress = Some(progress.clone());
            }
        }
        // A repeat, or one that was overtaken: what is kept is at least as new.
        Err(IllegalEvent::Superseded { .. }) => {}
        Err(illegal) => unreachable!("the attempt holds the run: {illegal}"),
    }
}

pub(super) fn tell(change: &mut Change, progress: Option<&Progress>) {
    if let Some(progress) = progress {
        let run = &mut change.kept.stored.run;
        run.progress = Some(progress.clone());
        run.revision += 1;
        change.touch();
    }
}

impl Inner {
    /// Writes of attempts, in their order; those of one run become one update.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<Vec<Wrote>, StoreError> {
        self.ensure_open()?;
        // A copy may be behind. When the database could not order the first try, others have changed something.
        let mut use_copies = true;
        let empty = self.held.empty_pages();
        let (answers, changes, news) = transact!(self, begin, tx => {
            let copies = std::mem::take(&mut use_copies);
            self.write_in(&tx, writes, copies, &empty).await
        })?;
        self.held.put(changes.into_iter().map(|change| change.kept));
        news.tell(self);
        Ok(answers)
    }

    async fn write_in(
        &self,
        tx: &Tx,
        writes: &[Write],
        use_copies: bool,
        empty: &[crate::id::Uuid],
    ) -> Result<(Vec<Wrote>, Vec<Change>, News), Fault> {
        let now = self.now();
        let mut answers: Vec<Option<Wrote>> = writes.iter().map(|_| None).collect();
        let (mut all, mut news) = (Vec::new(), News::default());
        let mut left: HashSet<RunId> = writes.iter().map(Write::id).collect();
        let mut runs: HashMap<RunId, Change> = HashMap::new();
        if use_copies {
            let copies = left.iter().filter_map(|id| self.held.get(*id));
            runs.extend(copies.map(|kept| (kept.stored.run.id, Change::of(kept))));
        }
        while !left.is_empty() {
            let unread: Vec<RunId> = left.iter().filter(|id| !runs.contains_key(id)).copied().collect();
            let mut locked = HashSet::new();
            if !unread.is_empty() {
                for kept in row::lock(tx, unread).await? {
                    locked.insert(kept.stored.run.id);
                    runs.insert(kept.stored.run.id, Change::of(kept));
                }
            }
            for (write, answer) in writes.iter().zip(&mut answers).filter(|(write, _)| left.contains(&write.id())) {
                *answer = Some(match runs.get_mut(&write.id()) {
                    Some(change) => write.apply(now, change),
                    None => write.not_found(),
                });
            }
            let mut changes: Vec<Change> = runs.drain().map(|(_, change)| change).collect();
            let written = self.keep(tx, &mut changes, &mut news).await?;
            // What was decided on a copy holds only if the row was changed by it: otherwise the row is read.
            left = changes.iter().map(Change::id).filter(|id| !locked.contains(id) && !written.contains(id)).collect();
            if changes
                .iter()
                .any(|change| locked.contains(&change.id()) && change.is_changed() && !written.contains(&change.id()))
            {
                return Err(Fault::Again("a locked row was changed".into()));
            }
            all.extend(changes.into_iter().filter(|change| !left.contains(&change.id())));
        }
        if !empty.is_empty() {
            tx.execute("DELETE FROM @claim_page WHERE id = ANY($1)", &[&empty]).await?;
        }
        let answers = answers.into_iter().map(|answer| answer.expect("each write has a run or none")).collect();
        Ok((answers, all, news))
    }
}
