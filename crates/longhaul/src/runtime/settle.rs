//! Tells the store how attempts ended, many at a time.

use std::{
    future::poll_fn,
    sync::{Arc, MutexGuard, PoisonError},
};

use longhaul_core::store::{Settled, Settlement};
use tokio::sync::mpsc;

use super::{Executor, autosave::pages};
use crate::{attempt::Attempt, backoff::ErrorBackoff, telemetry};

/// Settlements in one call of the store: what fits into one commit of the embedded store.
pub(super) const BATCH: usize = 128;

/// An attempt that ended. Without a settlement its claim is lost, and the store wants to hear nothing of it.
pub(crate) struct Finished {
    pub(crate) attempt: Arc<Attempt>,
    pub(crate) settlement: Option<Settlement>,
}

impl Executor {
    /// What is to be settled. Not kept by the loop that takes from it, so that others can if that one does not move on.
    pub(super) fn done(&self) -> MutexGuard<'_, mpsc::Receiver<Finished>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn settle(&self, done: Finished) {
        if self.to_settle.send(done).await.is_err() {
            tracing::debug!("an attempt ended after the executor did; its run goes on in the next process");
        }
    }
}

pub(super) async fn settle(executor: Arc<Executor>) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            taken = poll_fn(|cx| executor.done().poll_recv_many(cx, &mut batch, BATCH)) => if taken == 0 { return },
            () = executor.finished.cancelled() => return,
        }
        tokio::join!(write_logs(&executor, &batch), tell(&executor, &batch));
        for done in batch.drain(..) {
            executor.lost_unless_kept(&done.attempt);
            executor.release(&done.attempt);
        }
    }
}

/// The last lines of attempts that ended, beside their endings: they shall share a commit.
async fn write_logs(executor: &Executor, batch: &[Finished]) {
    let said = batch.iter().map(|done| &done.attempt).filter(|attempt| attempt.said.is_unwritten());
    let pages: Vec<_> = said.map(|attempt| pages(attempt)).collect();
    if pages.is_empty() || executor.broken().is_some() {
        return;
    }
    if let Err(error) = executor.store.log(pages).await {
        tracing::debug!(%error, "the last lines of the logs of runs were not written");
    }
}

/// Keeps trying while the store may come back: the settlement is recognised by its epoch, so repeating it is harmless.
async fn tell(executor: &Executor, batch: &[Finished]) {
    let settled = || batch.iter().filter_map(|done| Some((&done.attempt, done.settlement.as_ref()?)));
    let settlements: Vec<_> = settled().map(|(_, settlement)| settlement.clone()).collect();
    if settlements.is_empty() || executor.broken().is_some() {
        return;
    }
    let mut max_wait = ErrorBackoff::default();
    loop {
        match executor.store.settle(settlements.clone()).await {
            Ok(answers) => {
                for ((attempt, settlement), answer) in settled().zip(answers) {
                    match answer {
                        Ok(settled) => {
                            if let Settled::Now(state) = settled {
                                telemetry::settled(attempt, settlement, state);
                            }
                            executor.kept(attempt, settlement, settled).await;
                        }
                        Err(error) => tracing::warn!(run.id = %settlement.id, %error, "an outcome was not kept"),
                    }
                }
                return;
            }
            Err(error) if error.is_transient() && !executor.abandon.is_cancelled() => {
                tracing::warn!(%error, "outcomes wait for the store");
                max_wait.pause().await;
            }
            Err(error) if error.is_transient() => {
                tracing::error!(%error, "outcomes were not kept before the shutdown ended; the runs go on from their last checkpoint");
                return;
            }
            Err(error) => return executor.break_off(error),
        }
    }
}
