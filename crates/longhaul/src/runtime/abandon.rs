//! Ends a server that was not shut down: dropped by an early `?`, by a panic, or with its runtime. What it had claimed is
//! given back, so that none of it counts as a crash.
//!
//! The thread of the heartbeats does it, since the runtime may be gone, or be the very thread that drops the server and
//! so moves no future on. Nothing in here waits for a future that another thread polls, but for a moment.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex, PoisonError, Weak},
    time::Duration,
};

use longhaul_core::{Ending, store::Settlement};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

use super::{
    Executor, RunningAttempt, conclude,
    settle::{BATCH, Finished},
};
use crate::{attempt::StopReason, backoff::ErrorBackoff, clock};

/// How long a dropped server holds up its thread: a few commits of a store that works. Where it does not answer in
/// time, the claims are taken back when the lease runs out, as a crash.
const GIVING_BACK: Duration = Duration::from_secs(3);
/// How long attempts get to end by themselves, where another thread moves them on: it drops their futures first, so that
/// none of them still works when its run goes on elsewhere.
const BY_THEMSELVES: Duration = Duration::from_millis(100);

/// How a server went that was not shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abandonment {
    Dropped,
    Panicked,
    RuntimeEnded,
}

impl Abandonment {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "the server was dropped without a shutdown",
            Self::Panicked => "a panic dropped the server",
            Self::RuntimeEnded => "the runtime of the server ended before it",
        }
    }
}

/// Tells threads and futures that nothing of the server is left.
#[derive(Default)]
pub(super) struct Over {
    flag: Mutex<bool>,
    bell: Condvar,
    token: CancellationToken,
}

impl Over {
    pub(super) fn end(&self) {
        *self.flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
        self.token.cancel();
    }

    fn is_over(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Cancel safe.
    pub(super) async fn ended(&self) {
        self.token.cancelled().await;
    }

    /// Blocks until then, for at most `limit`. Answers whether it is over.
    fn wait(&self, limit: Duration) -> bool {
        let is_over = self.flag.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(is_over, limit, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

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

/// Whether futures of this runtime are moved on while one of its threads is blocked.
pub(super) fn moves_on() -> bool {
    Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread
}

impl Executor {
    /// Leaves a future on the runtime that lasts as long as the server, and is dropped with the runtime.
    pub(super) fn tell_when_the_runtime_ends(self: &Arc<Self>) {
        let (guard, over) = (RuntimeGuard(Arc::downgrade(self)), self.over.token.clone());
        tokio::spawn(async move {
            let _guard = guard;
            over.cancelled().await;
        });
    }

    /// How it went, if it was not shut down.
    pub(super) fn abandonment(&self) -> Option<Abandonment> {
        self.abandonment.get().copied()
    }

    /// Ends without a shutdown: attempts are dropped where they stand. Blocks until its claims are given back, for a
    /// bounded time.
    pub(crate) fn abandon(&self, how: Abandonment) {
        if self.over.is_over() {
            return;
        }
        if self.abandonment.set(how).is_ok() {
            self.hooks.close();
            self.life.stopping.cancel();
            self.life.stopped.cancel();
            self.stop_all(&StopReason::Shutdown);
            self.abandon.cancel();
            self.beside.services.abandon();
            self.beside.background.abandon();
            self.abandoned.cancel();
        }
        if !self.over.wait(GIVING_BACK) {
            tracing::error!("{}, and its claims could not be given back in time", how.as_str());
        }
    }

    /// The runs that are still claimed, as far as anybody knows who claimed them.
    async fn settle_all_from_here(&self) -> usize {
        let mut finished = Vec::new();
        {
            let mut done = self.done();
            while let Ok(one) = done.try_recv() {
                finished.push(one);
            }
        }
        finished.extend(self.ready.take_all().iter().map(|claimed| returned(self, claimed)));
        let ended: HashSet<_> = finished.iter().map(|done| (done.attempt.id, done.attempt.epoch)).collect();
        let held: Vec<RunningAttempt> =
            self.held().iter().filter(|(key, _)| !ended.contains(key)).map(|(_, held)| held.clone()).collect();
        // A save that is under way is older than what is captured here; one that nobody moves on is overtaken.
        let saved = async {
            for held in &held {
                held.attempt.saved().await;
            }
        };
        let _ = clock::within(BY_THEMSELVES, saved).await;
        for RunningAttempt { attempt, values } in held {
            finished.push(conclude::dropped(attempt, &*values, self.abandonment()));
        }
        for batch in finished.chunks(BATCH) {
            self.settle_batch(batch).await;
        }
        for done in &finished {
            self.release(&done.attempt);
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

fn returned(executor: &Executor, claimed: &longhaul_core::store::Claimed) -> Finished {
    let attempt = executor.attempt(claimed);
    let (id, epoch) = (attempt.id, attempt.epoch);
    let settlement =
        Settlement { id, epoch, ending: Ending::Returned, execution_metadata: None, taken: 0, progress: None };
    Finished { attempt, settlement: Some(settlement) }
}

/// Settles what the server had claimed, takes leave of the store, and closes it if it is the server's own.
pub(super) async fn give_back(executor: &Executor) {
    let how = executor.abandonment().map_or("shutdown", Abandonment::as_str);
    let given_back = async {
        if executor.moves_on && executor.abandonment() != Some(Abandonment::RuntimeEnded) {
            executor.intake.close();
            let by_themselves = async {
                executor.intake.wait().await;
                executor.until_settled().await;
            };
            let _ = clock::within(BY_THEMSELVES, by_themselves).await;
        }
        executor.finished.cancel();
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

impl Over {
    pub(super) fn end_on_drop(&self) -> EndOnDrop<'_> {
        EndOnDrop(self)
    }
}

/// So that nobody waits for a thread that panicked.
pub(super) struct EndOnDrop<'a>(&'a Over);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
