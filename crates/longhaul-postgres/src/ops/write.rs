//! What attempts write: begins, checkpoints and ends of many runs in one transaction.

use std::collections::{HashMap, HashSet};

use longhaul_core::{
    Ending, Epoch, RunId, StoreError, Timestamp,
    store::{Checkpoint, CheckpointError, Checkpointed, SettleError, Settled, Settlement},
};

use crate::{
    change::{Change, News},
    error::Fault,
    handle::Inner,
    id::Uuid,
    row,
    session::{Param, Step, Tx, transact},
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
    /// A claim goes back, and its run is as if it had not been claimed.
    pub(super) fn returned(id: RunId, epoch: Epoch) -> Self {
        let ending = Ending::Returned;
        Self::Settle(Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None })
    }

    pub(crate) fn id(&self) -> RunId {
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
            Self::Begin(_, epoch) => Wrote::Begin(change.make(|run| run.begin(now, *epoch))),
            Self::Checkpoint(one) => Wrote::Checkpoint(change.make(|run| run.checkpoint(now, one.clone()))),
            Self::Settle(one) => Wrote::Settle(change.make(|run| run.settle(now, one.clone()))),
        }
    }
}

impl Inner {
    /// Writes of attempts, in their order; those of one run become one update.
    pub(crate) async fn write(&self, writes: &[Write]) -> Result<Vec<Wrote>, StoreError> {
        self.ensure_open()?;
        let empty = self.held.empty_pages();
        // A copy may be behind. When the first try did not succeed, others have changed something.
        let mut use_copies = true;
        let (answers, changes, news) = transact!(self, begin, tx => {
            let copies = std::mem::take(&mut use_copies).then(|| self.copies(writes)).flatten();
            match copies {
                Some(copies) => self.write_copies(&tx, writes, copies, &empty).await,
                None => self.write_locked(&tx, writes, &empty).await,
            }
        })?;
        self.held.written(changes.into_iter().map(|change| change.kept));
        news.tell(self);
        Ok(answers)
    }

    /// The runs that are written, if this handle holds a copy of each.
    fn copies(&self, writes: &[Write]) -> Option<HashMap<RunId, Change>> {
        let ids: HashSet<RunId> = writes.iter().map(Write::id).collect();
        ids.into_iter().map(|id| Some((id, Change::of(self.held.get(id)?)))).collect()
    }

    /// Decides on copies, and writes in one round trip. What was decided on a copy holds only if its row is changed by it.
    async fn write_copies(
        &self,
        tx: &Tx,
        writes: &[Write],
        copies: HashMap<RunId, Change>,
        empty: &[Uuid],
    ) -> Result<(Vec<Wrote>, Vec<Change>, News), Fault> {
        let (mut runs, mut news) = (copies, News::default());
        let answers = decide(self.now(), writes, &mut runs);
        let mut changes: Vec<Change> = runs.into_values().collect();
        if changes.iter().any(|change| !change.is_changed()) {
            return Err(Fault::Moved);
        }
        let (has_empty, empty): (_, [Param<'_>; 1]) = (!empty.is_empty(), [&empty]);
        let more = [Step(DELETE_PAGES, &empty)];
        self.keep_all(tx, &mut changes, &more[..usize::from(has_empty)], &mut news).await?;
        Ok((answers, changes, news))
    }

    /// Reads the runs, and keeps others from changing them until the transaction ends.
    async fn write_locked(
        &self,
        tx: &Tx,
        writes: &[Write],
        empty: &[Uuid],
    ) -> Result<(Vec<Wrote>, Vec<Change>, News), Fault> {
        let ids: HashSet<RunId> = writes.iter().map(Write::id).collect();
        let locked = row::lock(tx, ids).await?;
        let mut runs = locked.into_iter().map(|kept| (kept.stored.run.id, Change::of(kept))).collect();
        let mut news = News::default();
        let answers = decide(self.now(), writes, &mut runs);
        let mut changes: Vec<Change> = runs.into_values().collect();
        let (has_empty, empty): (_, [Param<'_>; 1]) = (!empty.is_empty(), [&empty]);
        let more = [Step(DELETE_PAGES, &empty)];
        self.keep_all(tx, &mut changes, &more[..usize::from(has_empty)], &mut news).await?;
        Ok((answers, changes, news))
    }
}

const DELETE_PAGES: &str = "DELETE FROM @claim_page WHERE id = ANY($1)";

/// What comes of each write.
fn decide(now: Timestamp, writes: &[Write], runs: &mut HashMap<RunId, Change>) -> Vec<Wrote> {
    let wrote = |write: &Write| match runs.get_mut(&write.id()) {
        Some(change) => write.apply(now, change),
        None => write.not_found(),
    };
    writes.iter().map(wrote).collect()
}
