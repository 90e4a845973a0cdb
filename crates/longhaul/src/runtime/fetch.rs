//! Claims runs for free slots, and starts them.

use std::sync::{Arc, atomic::Ordering};

use longhaul_core::{
    Ending,
    limits::CLAIM_MAX,
    store::{ClaimRequest, Claimed, Settlement},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{Executor, perform, settle::Done};
use crate::{attempt::Attempt, backoff::Patience};

/// At most so many claims beyond the free slots: enough to bridge one commit of the store when runs take
/// microseconds.
const AHEAD_MAX: usize = 256;

/// Claims as many runs as there are free slots, and as many more as ended while the claim before was under way: so short
/// runs never wait for the store, and none is claimed early when runs are long.
pub(super) async fn fetch(executor: Arc<Executor>) {
    let (ready, to_start) = mpsc::channel(CLAIM_MAX + AHEAD_MAX);
    executor.intake.spawn(dispatch(executor.clone(), to_start));
    let kinds: Arc<[_]> = executor.registry.support().into();
    if let Err(error) = executor.store.unpark(kinds.to_vec()).await {
        tracing::warn!(%error, "runs that were parked as incompatible stay parked until the next start");
    }
    if kinds.is_empty() {
        return;
    }
    let mut incarnation = executor.server.subscribe();
    let mut patience = Patience::default();
    let mut ahead = 0;
    loop {
        let max = tokio::select! {
            room = room(&executor, ahead) => room,
            () = executor.stopping.cancelled() => return,
        };
        let request = ClaimRequest { server: *incarnation.borrow_and_update(), kinds: kinds.clone(), max, wait: true };
        let ended_before = executor.ended.load(Ordering::Relaxed);
        let claimed = tokio::select! {
            claimed = executor.store.claim(request) => claimed,
            // The store gives back what it may have claimed for the dropped future.
            _ = incarnation.changed() => continue,
            () = executor.stopping.cancelled() => return,
        };
        match claimed {
            Ok(runs) => {
                patience = Patience::default();
                ahead = (executor.ended.load(Ordering::Relaxed) - ended_before).min(AHEAD_MAX as u64) as usize;
                executor.claimed(runs.len());
                for run in runs {
                    ready.send(run).await.expect("dispatch outlives fetch");
                }
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "claiming pauses");
                tokio::select! {
                    () = patience.pause() => {}
                    () = executor.stopping.cancelled() => return,
                }
            }
            Err(error) => return executor.break_off(error),
        }
    }
}

/// Waits until there is a free slot, or half of what may be claimed ahead is used up; answers how many to claim.
async fn room(executor: &Executor, ahead: usize) -> usize {
    let concurrency = executor.settings.concurrency;
    loop {
        let outstanding = executor.outstanding.load(Ordering::Acquire);
        let room = (concurrency + ahead).saturating_sub(outstanding).min(CLAIM_MAX);
        if room > 0 && (outstanding < concurrency || room >= ahead.div_ceil(2)) {
            return room;
        }
        executor.attempt_ended.notified().await;
    }
}

/// Starts each claimed run as soon as there is a slot. After a stop it gives back what was not started.
async fn dispatch(executor: Arc<Executor>, mut to_start: mpsc::Receiver<Claimed>) {
    while let Some(claimed) = to_start.recv().await {
        let slot = tokio::select! {
            biased;
            () = executor.stopping.cancelled() => None,
            slot = executor.slots.clone().acquire_owned() => slot.ok(),
        };
        match slot {
            Some(slot) => start(executor.clone(), claimed, slot),
            None => give_back(&executor, &claimed).await,
        }
    }
}

fn start(executor: Arc<Executor>, claimed: Claimed, slot: OwnedSemaphorePermit) {
    // None of the loops, whose end a shutdown waits for: a task that holds its thread would hold it up.
    tokio::spawn(async move {
        let done = perform::run(&executor, claimed).await;
        drop(slot);
        executor.attempt_ended();
        executor.settle(done).await;
    });
}

async fn give_back(executor: &Executor, claimed: &Claimed) {
    let attempt = executor.attempt(claimed);
    let settlement = Settlement {
        id: attempt.id,
        epoch: attempt.epoch,
        ending: Ending::Returned,
        execution_metadata: None,
        progress: None,
    };
    executor.attempt_ended();
    executor.settle(Done { attempt, settlement: Some(settlement) }).await;
}

impl Executor {
    pub(super) fn attempt(&self, claimed: &Claimed) -> Arc<Attempt> {
        Attempt::new(claimed, self.store.clone(), self.clock.clone(), self.wake_autosave.clone())
    }
}
