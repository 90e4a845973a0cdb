//! Keeps what tasks changed without a checkpoint, and publishes their progress.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use longhaul_core::store::Checkpoint;
use tokio::task::JoinSet;

use super::{attempts::RunningAttempt, executor::Executor};
use crate::{attempt, clock};

/// Progress is published at most this often: what a person sees as moving.
const PUBLISH: Duration = Duration::from_millis(250);

/// Sleeps until something changes. Then it ticks, publishes progress at each tick, and saves execution metadata at
/// least once every `autosave`, until nothing is left to save.
pub(super) async fn autosave(executor: Arc<Executor>) {
    let tick = PUBLISH.min(executor.settings.autosave);
    let ticks_per_save = (executor.settings.autosave.as_micros() / tick.as_micros().max(1)).max(1);
    loop {
        tokio::select! {
            () = executor.wake_autosave.notified() => {}
            () = executor.exit.finished.cancelled() => return,
        }
        for nth in 1_u128.. {
            tokio::select! {
                () = clock::pause(tick) => {}
                () = executor.exit.finished.cancelled() => return,
            }
            let unsaved = unsaved(&executor);
            if unsaved.is_empty() {
                break;
            }
            if nth % ticks_per_save == 0 {
                write_logs(&executor, &unsaved).await;
                save(unsaved).await;
            } else {
                publish(&executor, &unsaved).await;
            }
        }
    }
}

fn unsaved(executor: &Executor) -> Vec<RunningAttempt> {
    executor.attempts.running_where(|attempt| {
        // A capture that is lent may stand in a transaction that locks the run: another write would wait for it.
        (attempt.unsaved.load(Ordering::Acquire) && !attempt.is_lent()) || attempt.log.is_unwritten()
    })
}

/// All at once, so that they share commits. Each attempt learns for itself if it has to stop.
async fn save(unsaved: Vec<RunningAttempt>) {
    let mut saves = JoinSet::new();
    for RunningAttempt { attempt, values } in unsaved {
        saves.spawn(async move { attempt::autosave(&attempt, values).await.is_ok() });
    }
    saves.join_all().await;
}

/// Lines that are not written now are written with the next: nothing depends on them.
async fn write_logs(executor: &Executor, unsaved: &[RunningAttempt]) {
    let attempts: Vec<_> =
        unsaved.iter().map(|running| &running.attempt).filter(|attempt| attempt.log.is_unwritten()).collect();
    let pages: Vec<_> = attempts.iter().map(|attempt| attempt.take_log()).collect();
    if pages.is_empty() {
        return;
    }
    // Other calls find out if a claim is lost; the lines of such an attempt are dropped.
    if let Err(error) = executor.store.log(pages.clone()).await {
        tracing::debug!(%error, "the logs of runs were not written");
        for (attempt, unwritten) in attempts.into_iter().zip(pages) {
            attempt.log.put_back(unwritten.pages);
        }
    }
}

async fn publish(executor: &Executor, unsaved: &[RunningAttempt]) {
    let (attempts, checkpoints): (Vec<_>, Vec<_>) = unsaved
        .iter()
        .map(|running| &running.attempt)
        .filter(|attempt| !attempt.is_lent())
        .filter_map(|attempt| {
            let progress = Some(attempt.take_progress()?);
            let (id, epoch) = (attempt.id, attempt.epoch);
            Some((attempt, Checkpoint { id, epoch, seq: 0, execution_metadata: None, taken: Vec::new(), progress }))
        })
        .unzip();
    if checkpoints.is_empty() {
        return;
    }
    match executor.store.checkpoint(checkpoints).await {
        Ok(answers) => {
            for (attempt, answer) in attempts.into_iter().zip(answers) {
                // An attempt that shall stop looks for itself.
                let _ = attempt.apply_answer(answer);
            }
        }
        // Nothing depends on it, and the next save publishes it.
        Err(error) => {
            tracing::debug!(%error, "progress was not published");
            for attempt in attempts {
                attempt.put_back_progress();
            }
        }
    }
}
