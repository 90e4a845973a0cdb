//! Tells the store which of the runs that were claimed ahead begin to be executed, before they do.
//!
//! A slot seldom waits for the store: where runs are short, more of them are marked than begin until the next mark is
//! back; where they are long, only those that begin.

use longhaul_core::store::Claimed;

use super::{executor::Executor, finished::Finished};
use crate::backoff::ErrorBackoff;

/// At most so many runs are marked that no slot waits for: as many as there are in one commit of the store.
const RESERVE_MAX: usize = 256;

/// As many runs are marked as end during so many marks: fewer, larger writes.
const MARKS_AHEAD: usize = 4;

/// Marks runs until the server stops. Those that it has not marked by then are left among those that are ready.
pub(super) async fn mark(executor: &Executor) {
    let (mut reserve, mut max_wait) = (0, ErrorBackoff::default());
    loop {
        let batch = tokio::select! {
            batch = executor.ready.to_be_marked(reserve) => batch,
            () = executor.life.stopping.cancelled() => return,
        };
        let begins = batch.iter().map(|claimed| (claimed.run.id, claimed.run.epoch)).collect();
        let ended = executor.capacity.ended();
        let answers = tokio::select! {
            answers = executor.store.begin(begins) => answers,
            // A mark that was made nevertheless goes with the claim.
            () = executor.life.stopping.cancelled() => return executor.ready.put_back(batch),
        };
        match answers {
            Ok(answers) => {
                max_wait = ErrorBackoff::default();
                let meanwhile = (executor.capacity.ended() - ended) as usize;
                reserve = (MARKS_AHEAD * meanwhile).min(RESERVE_MAX);
                let mut begun = Vec::with_capacity(batch.len());
                for (mut claimed, answer) in batch.into_iter().zip(answers) {
                    if let Err(error) = answer {
                        tracing::warn!(run.id = %claimed.run.id, %error, "a claimed run is not executed here");
                        lose(executor, &claimed).await;
                    } else {
                        claimed.run.attempts = claimed.run.attempt();
                        claimed.run.begun = true;
                        begun.push(claimed);
                    }
                }
                executor.ready.begin(begun);
            }
            Err(error) => {
                executor.ready.put_back(batch);
                if !error.is_transient() {
                    return executor.break_off(error);
                }
                tracing::warn!(%error, "runs that were claimed wait until the store knows that they begin");
                tokio::select! {
                    () = max_wait.pause() => {}
                    () = executor.life.stopping.cancelled() => return,
                }
            }
        }
    }
}

/// Its claim was taken away before it began.
async fn lose(executor: &Executor, claimed: &Claimed) {
    executor.finish_attempt(Finished::lost(executor.attempt(claimed))).await;
}
