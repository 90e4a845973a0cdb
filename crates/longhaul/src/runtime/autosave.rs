//! Keeps what tasks changed without a checkpoint, and publishes their progress.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use longhaul_core::store::{Checkpoint, LogPages};
use tokio::task::JoinSet;

use super::{Executor, RunningAttempt};
use crate::{attempt::Attempt, clock};

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
            () = executor.finished.cancelled() => return,
        }
        for nth in 1_u128.. {
            tokio::select! {
                () = clock::pause(tick) => {}
                () = executor.finished.cancelled() => return,
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
    let unsaved = |attempt: &Attempt| attempt.unsaved.load(Ordering::Acquire) || attempt.said.is_unwritten();
    executor.held().values().filter(|held| unsaved(&held.attempt)).cloned().collect()
}

/// All at once, so that they share commits. Each attempt learns for itself if it has to stop.
async fn save(unsaved: Vec<RunningAttempt>) {
    let mut saves = JoinSet::new();
    for held in unsaved {
        saves.spawn(async move { held.attempt.save(&*held.values).await.is_ok() });
    }
    saves.join_all().await;
}

/// Lines that are not written now are written with the next: nothing depends on them.
async fn write_logs(executor: &Executor, unsaved: &[RunningAttempt]) {
    let said: Vec<_> = unsaved.iter().map(|held| &held.attempt).filter(|attempt| attempt.said.is_unwritten()).collect();
    let pages: Vec<_> = said.iter().map(|attempt| pages(attempt)).collect();
    if pages.is_empty() {
        return;
    }
    // A claim that is lost is found out by other calls; its lines are not wanted any more.
    if let Err(error) = executor.store.log(pages.clone()).await {
        tracing::debug!(%error, "the logs of runs were not written");
        for (attempt, unwritten) in said.into_iter().zip(pages) {
            attempt.said.put_back(unwritten.pages);
        }
    }
}

/// What an attempt said since it was asked last.
pub(super) fn pages(attempt: &Attempt) -> LogPages {
    LogPages { id: attempt.id, epoch: attempt.epoch, pages: attempt.said.take() }
}

async fn publish(executor: &Executor, unsaved: &[RunningAttempt]) {
    let (telling, told): (Vec<_>, Vec<_>) = unsaved
        .iter()
        .filter_map(|held| {
            let attempt = &held.attempt;
            let progress = Some(attempt.take_progress()?);
            let (id, epoch) = (attempt.id, attempt.epoch);
            let told = Checkpoint { id, epoch, seq: 0, execution_metadata: None, taken: 0, progress };
            Some((held, told))
        })
        .unzip();
    if told.is_empty() {
        return;
    }
    match executor.store.checkpoint(told).await {
        Ok(answers) => {
            for (RunningAttempt { attempt, .. }, answer) in telling.iter().zip(answers) {
                // What it brings back is for the attempt; it looks for itself.
                let _ = attempt.heard(answer);
            }
        }
        // Nobody depends on it, and the next save tells it again.
        Err(error) => {
            tracing::debug!(%error, "progress was not published");
            for held in &telling {
                held.attempt.publish_again();
            }
        }
    }
}
