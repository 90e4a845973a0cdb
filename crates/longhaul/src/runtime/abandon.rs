//! Ends a server that was not shut down: dropped by an early `?`, by a panic, or with its runtime. What it had claimed is
//! given back, so that none of it counts as a crash.
//!
//! The thread of the heartbeats does it, since the runtime may be gone, or be the very thread that drops the server and
//! so moves no future on. Nothing in here waits for a future that another thread polls, but for a moment.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::Duration,
};

use longhaul_core::store::Settlement;

use super::{
    attempts::RunningAttempt, conclude, executor::Executor, exit::Abandonment, finished::Finished, settle::BATCH,
};
use crate::{attempt::StopReason, backoff::ErrorBackoff, clock};

/// How long a dropped server holds up its thread: a few commits of a store that works. Where it does not answer in
/// time, the claims are taken back when the lease runs out, as a crash.
const GIVING_BACK: Duration = Duration::from_secs(3);
/// How long attempts get to end by themselves, where another thread moves them on: it drops their futures first, so that
/// none of them still works when its run goes on elsewhere.
const BY_THEMSELVES: Duration = Duration::from_millis(100);

/// Ends the server when it is dropped with the runtime that it lives on. It keeps nothing of the server alive: whoever
/// waits for what a hook holds to be dropped may hold the thread that would move it on.
struct RuntimeGuard(Weak<Executor>);

impl Drop for RuntimeGuard {
    fn drop(&mut self) {
        if let Some(executor) = self.0.upgrade() {
            executor.abandon(Abandonment::RuntimeEnded);
        }
    }
}

impl Executor {
    /// Leaves a future on the runtime that lasts as long as the server, and is dropped with the runtime.
    pub(super) fn abandon_with_the_runtime(self: &Arc<Self>) {
        let (guard, over) = (RuntimeGuard(Arc::downgrade(self)), self.exit.over.token());
        tokio::spawn(async move {
            let _guard = guard;
            over.cancelled().await;
        });
    }

    /// Ends without a shutdown: attempts are dropped where they stand. Blocks until its claims are given back, for a
    /// bounded time.
    pub(crate) fn abandon(&self, how: Abandonment) {
        if self.exit.over.is_over() {
            return;
        }
        if self.exit.set_abandonment(how) {
            self.reports.close();
            self.life.stopping.cancel();
            self.life.stopped.cancel();
            // Else it would claim what is given back below.
            self.claiming.drop_claim();
            self.attempts.stop_all(&StopReason::Shutdown);
            self.exit.drop_attempts.cancel();
            self.companions.services.abandon();
            self.companions.background.abandon();
            self.exit.abandoned.cancel();
        }
        if !self.exit.over.wait(GIVING_BACK) {
            tracing::error!("{}, and its claims could not be given back in time", how.as_str());
        }
    }

    /// The runs that are still claimed, as far as anybody knows who claimed them.
    async fn settle_all_from_here(&self) -> usize {
        let mut finished = self.settling.take_all();
        finished.extend(self.ready.take_all().iter().map(|claimed| self.returned(claimed)));
        let ended: HashSet<_> = finished.iter().map(|done| (done.attempt.id, done.attempt.epoch)).collect();
        let running = self.attempts.running_where(|attempt| !ended.contains(&(attempt.id, attempt.epoch)));
        // A save that is under way is older than what is captured here; one that nobody moves on is overtaken.
        let saved = async {
            for running in &running {
                running.attempt.saved().await;
            }
        };
        let _ = clock::within(BY_THEMSELVES, saved).await;
        for RunningAttempt { attempt, values } in running {
            finished.push(conclude::conclude_dropped(attempt, &*values, self.exit.abandonment()));
        }
        for batch in finished.chunks(BATCH) {
            self.settle_batch(batch).await;
        }
        for done in &finished {
            self.attempts.release(&done.attempt);
        }
        finished.len()
    }

    async fn settle_batch(&self, batch: &[Finished]) {
        let settlements: Vec<Settlement> = batch.iter().filter_map(|done| done.settlement.clone()).collect();
        let mut max_wait = ErrorBackoff::default();
        while !settlements.is_empty() {
            match self.store.settle(settlements.clone()).await {
                Err(error) if error.is_transient() => max_wait.pause().await,
                Err(error) => return tracing::error!(%error, "claims could not be given back"),
                Ok(_) => return,
            }
        }
    }
}

/// Settles what the server had claimed, deregisters it from the store, and closes the store if it is the server's own.
pub(super) async fn give_back(executor: &Executor) {
    let how = executor.exit.abandonment().map_or("shutdown", Abandonment::as_str);
    let given_back = async {
        if executor.exit.has_other_threads && executor.exit.abandonment() != Some(Abandonment::RuntimeEnded) {
            executor.loops.intake.close();
            let by_themselves = async {
                executor.loops.intake.wait().await;
                executor.attempts.until_settled().await;
            };
            let _ = clock::within(BY_THEMSELVES, by_themselves).await;
        }
        executor.exit.finished.cancel();
        executor.claiming.drop_claim();
        if executor.broken().is_none() {
            let runs = executor.settle_all_from_here().await;
            tracing::warn!(runs, "{how}; what it had claimed was given back");
        }
        executor.leave().await;
    };
    if clock::within(GIVING_BACK, given_back).await.is_none() {
        tracing::error!("{how}; its claims go on when its lease has run out");
    }
}
