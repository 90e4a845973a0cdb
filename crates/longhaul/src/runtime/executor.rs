//! What the loops of a server share.

use std::sync::{Arc, OnceLock};

use longhaul_core::{Clock, Ending, ServerId, Store, StoreError, store::Claimed};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    answer_time::AnswerTime,
    attempts::Attempts,
    capacity::Capacity,
    claiming::Claiming,
    companions::Companions,
    conclude,
    exit::Exit,
    finished::{Finished, SettleQueue},
    life::Life,
    ready::Ready,
    reports::Reports,
    settings::Settings,
};
use crate::{
    attempt::{Attempt, StopReason},
    hooks::{Hooks, Lifecycle},
    ids::IdSource,
    layer::Layers,
    registry::Registry,
};

pub(crate) struct Executor {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(super) registry: Registry,
    pub(super) layers: Layers,
    pub(super) reports: Reports,
    pub(crate) companions: Companions,
    /// What executes now.
    pub(super) attempts: Attempts,
    /// What can be claimed.
    pub(super) capacity: Capacity,
    /// The claim that is under way.
    pub(super) claiming: Claiming,
    /// Claimed runs that no slot has taken yet.
    pub(super) ready: Ready,
    /// Attempts that ended.
    pub(super) settling: SettleQueue,
    /// Of the last call that settled some.
    pub(super) answer_time: AnswerTime,
    pub(super) wake_autosave: Arc<Notify>,
    pub(crate) life: Life,
    pub(super) exit: Exit,
    broken: OnceLock<StoreError>,
    /// Becomes cancelled when the store broke.
    pub(crate) store_broke: CancellationToken,
    /// Becomes cancelled when the schedules that code declares are in the store.
    pub(crate) schedules_ready: CancellationToken,
    pub(super) loops: Loops,
}

/// The loops, to wait for their end.
#[derive(Default)]
pub(super) struct Loops {
    /// Those that bring in runs.
    pub(super) intake: TaskTracker,
    /// All others.
    pub(super) others: TaskTracker,
}

/// The user's code that is called around attempts, besides the tasks.
pub(crate) struct Extensions {
    pub(crate) layers: Layers,
    pub(crate) hooks: Hooks,
}

impl Executor {
    /// No loop runs yet.
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        registry: Registry,
        extensions: Extensions,
        companions: Companions,
        ids: IdSource,
    ) -> Self {
        Self {
            attempts: Attempts::new(ids, clock.now()),
            capacity: Capacity::new(settings.concurrency, settings.queues.clone(), settings.only_listed),
            store,
            clock,
            settings,
            registry,
            layers: extensions.layers,
            reports: Reports::new(extensions.hooks),
            life: companions.life.clone(),
            companions,
            claiming: Claiming::default(),
            ready: Ready::default(),
            settling: SettleQueue::default(),
            answer_time: AnswerTime::default(),
            wake_autosave: Arc::default(),
            exit: Exit::new(),
            broken: OnceLock::new(),
            store_broke: CancellationToken::new(),
            schedules_ready: CancellationToken::new(),
            loops: Loops::default(),
        }
    }

    /// This incarnation.
    pub(crate) fn server(&self) -> ServerId {
        self.attempts.server()
    }

    /// The store broke: no more claims, and every attempt is told.
    pub(super) fn break_off(&self, error: StoreError) {
        tracing::error!(%error, "the store broke; no more runs are claimed");
        let first = self.broken.set(error).is_ok();
        let error = self.broken.get().expect("it was set just now, or before").clone();
        if first {
            self.reports.tell(|| Lifecycle::StoreBroken { error: error.clone() });
        }
        self.life.stopping.cancel();
        self.attempts.stop_all(&StopReason::StoreBroken { error });
        self.store_broke.cancel();
    }

    pub(crate) fn broken(&self) -> Option<&StoreError> {
        self.broken.get()
    }

    pub(super) fn attempt(&self, claimed: &Claimed) -> Arc<Attempt> {
        Attempt::new(claimed, self.store.clone(), self.clock.clone(), self.wake_autosave.clone(), &self.settings.logs)
    }

    /// A claim that is given back: the task was not started.
    pub(super) fn returned(&self, claimed: &Claimed) -> Finished {
        conclude::unstarted(self.attempt(claimed), Ending::Returned)
    }

    /// An attempt ended: its slot is free, and its end goes to the store.
    pub(super) async fn finish_attempt(&self, mut finished: Finished) {
        if let Some(hold) = finished.hold.take() {
            self.hold_limit_key(&finished.attempt, hold).await;
        }
        self.capacity.release(&finished.attempt.queue);
        self.settling.push(finished).await;
    }
}
