//! What servers do with the runs that they execute.

use longhaul_core::{
    Epoch, Run, RunId, StoreError, Timestamp,
    admission::DueRuns,
    log::place,
    store::{
        Checkpoint, CheckpointError, Checkpointed, ClaimRequest, Claimed, LogPages, SettleError, Settled, Settlement,
    },
};

use super::memory_state::{MemoryState, absent};

/// One answer for each item of a batch.
type Answers<T, E> = Result<Vec<Result<T, E>>, StoreError>;

impl MemoryState {
    /// `Err`: there is nothing yet; look again then, if nothing changes before.
    pub(super) fn claim(&mut self, request: &ClaimRequest) -> Result<Vec<Claimed>, Option<Timestamp>> {
        request.assert_limits();
        let (offer, mut claimed, mut look_again) = (request.offer(), Vec::new(), None);
        if !self.servers.is_dead(request.server) {
            let selection = self.admission.select(self.now, &offer, &DueRuns::of(self.now, self.runs()));
            let chosen: Vec<RunId> = selection.positions.iter().map(|position| position.id).collect();
            look_again = selection.look_again;
            self.admission.commit(selection);
            for id in chosen {
                let begins = claimed.len() < request.begin;
                let one = self.change(id, absent, |now, run| run.claim(now, request.server, begins));
                claimed.push(one.expect("only due runs are chosen"));
            }
        }
        if !claimed.is_empty() || !request.wait {
            return Ok(claimed);
        }
        let read = self.runs().filter(|run| offer.reads(&run.kind, run.version, &run.constraints().requires));
        Err(read.filter_map(Run::due).filter(|due| *due > self.now).chain(look_again).min())
    }

    pub(super) fn begin(&mut self, runs: Vec<(RunId, Epoch)>) -> Answers<(), CheckpointError> {
        let one = |(id, epoch)| self.change(id, CheckpointError::NotFound, |now, run| run.begin(now, epoch));
        Ok(runs.into_iter().map(one).collect())
    }

    pub(super) fn checkpoint(&mut self, checkpoints: Vec<Checkpoint>) -> Answers<Checkpointed, CheckpointError> {
        let one = |one: Checkpoint| self.change(one.id, CheckpointError::NotFound, |now, run| run.checkpoint(now, one));
        Ok(checkpoints.into_iter().map(one).collect())
    }

    pub(super) fn settle(&mut self, settlements: Vec<Settlement>) -> Answers<Settled, SettleError> {
        let one = |one: Settlement| self.change(one.id, SettleError::NotFound, |now, run| run.settle(now, one));
        Ok(settlements.into_iter().map(one).collect())
    }

    pub(super) fn log(&mut self, pages: Vec<LogPages>) -> Answers<(), CheckpointError> {
        let one = |LogPages { id, epoch, pages }| {
            let record = self.runs.get_mut(&id).ok_or(CheckpointError::NotFound(id))?;
            let attempt = record.stored.logging_attempt(epoch)?;
            record.log.extend(pages.into_iter().map(|page| (place(attempt, page.number), (attempt, page))));
            Ok(())
        };
        Ok(pages.into_iter().map(one).collect())
    }
}
