//! Tells the store how attempts ended, many at a time.

use std::{future::poll_fn, sync::Arc};

use longhaul_core::{
    StateKind,
    store::{SettleError, Settled, Settlement},
};

use super::{executor::Executor, finished::Finished};
use crate::{backoff::ErrorBackoff, telemetry};

/// Settlements in one call of the store: what fits into one commit of the embedded store.
pub(super) const BATCH: usize = 128;

/// Settles until the server has ended, with up to four calls of the store at the same time: a store that flushes to disk,
/// or that is on another machine, makes the next commit while it waits for the last. The loops are one task, so what wakes
/// one of them wakes the others.
pub(super) async fn settle(executor: Arc<Executor>) {
    let one = || settle_batches(&executor);
    tokio::join!(one(), one(), one(), one());
}

async fn settle_batches(executor: &Executor) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            _ = poll_fn(|cx| executor.settling.poll_pop_many(cx, &mut batch, BATCH)) => {}
            () = executor.exit.finished.cancelled() => return,
        }
        tokio::join!(write_logs(executor, &batch), settle_batch(executor, &batch));
        for finished in batch.drain(..) {
            executor.attempts.release(&finished.attempt);
        }
    }
}

/// The last lines of attempts that ended, beside their endings: they are to share a commit.
async fn write_logs(executor: &Executor, batch: &[Finished]) {
    let attempts = batch.iter().map(|finished| &finished.attempt).filter(|attempt| attempt.log.is_unwritten());
    let pages: Vec<_> = attempts.map(|attempt| attempt.take_log()).collect();
    if pages.is_empty() || executor.broken().is_some() {
        return;
    }
    if let Err(error) = executor.store.log(pages).await {
        tracing::debug!(%error, "the last lines of the logs of runs were not written");
    }
}

async fn settle_batch(executor: &Executor, batch: &[Finished]) {
    let unsettled = |finished: &&Finished| finished.kept.is_none();
    let settlements: Vec<Settlement> =
        batch.iter().filter(unsettled).filter_map(|finished| finished.settlement.clone()).collect();
    let mut answers = ask(executor, settlements).await.unwrap_or_default().into_iter();
    for finished in batch {
        let answer = match finished {
            Finished { kept: Some(state), .. } => Some(Ok(Settled::Now(*state))),
            Finished { settlement: Some(_), .. } => answers.next(),
            Finished { settlement: None, .. } => None,
        };
        let next = match answer {
            Some(answer) => confirmed(executor, finished, answer).await,
            None => None,
        };
        executor.reports.settled(finished, next);
    }
}

/// One answer for each settlement; `None`: the store did not answer. Keeps trying while it may come back: a settlement
/// is recognised by its epoch, so repeating it is harmless.
async fn ask(executor: &Executor, settlements: Vec<Settlement>) -> Option<Vec<Answer>> {
    if settlements.is_empty() || executor.broken().is_some() {
        return None;
    }
    let mut max_wait = ErrorBackoff::default();
    loop {
        let asked = executor.clock.now();
        match executor.store.settle(settlements.clone()).await {
            Ok(answers) => {
                executor.answer_time.note(executor.clock.now().since(asked));
                return Some(answers);
            }
            Err(error) if error.is_transient() && !executor.exit.drop_attempts.is_cancelled() => {
                tracing::warn!(%error, "outcomes wait for the store");
                max_wait.pause().await;
            }
            Err(error) if error.is_transient() => {
                tracing::error!(%error, "outcomes were not kept before the shutdown ended; the runs go on from their last checkpoint");
                return None;
            }
            Err(error) => {
                executor.break_off(error);
                return None;
            }
        }
    }
}

type Answer = Result<Settled, SettleError>;

/// The state that the run came to, as far as the store confirms it.
async fn confirmed(executor: &Executor, finished: &Finished, answer: Answer) -> Option<StateKind> {
    let Finished { attempt, settlement, .. } = finished;
    match answer {
        Ok(Settled::Now(state)) => {
            telemetry::settled(attempt, settlement.as_ref()?, state);
            Some(state)
        }
        // The answer to an earlier call was lost, but the run is as that call left it.
        Ok(Settled::Already) if executor.reports.are_wanted() => {
            let found = executor.store.get(attempt.id).await.ok()?;
            (found.run.epoch == attempt.epoch).then(|| found.run.state.kind())
        }
        Ok(Settled::Already) => None,
        Err(error) => {
            tracing::warn!(run.id = %attempt.id, %error, "an outcome was not kept");
            None
        }
    }
}
