//! The executor: claims runs and executes them. One loop or stage a file.
//!
//! ```text
//! fetch → a slot: resolve, perform (the only line that runs user code), conclude → settle
//! ```

mod abandon;
mod autosave;
mod begin;
mod claiming;
pub(crate) mod conclude;
mod declare;
#[cfg(feature = "metrics")]
mod depths;
mod ends;
mod fetch;
mod heartbeat;
mod incompatible;
mod lifecycle;
mod marks;
mod perform;
mod retention;
mod schedules;
mod settle;
mod shutdown;
mod slots;
mod stop_requests;

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use longhaul_core::{
    Clock, Epoch, Label, Queue, Retention, RunId, ServerId, Store, StoreError,
    admission::Capacity,
    store::{Claimed, StopSignal},
};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use abandon::Abandonment;
use abandon::Over;
pub(crate) use begin::Companions;
pub(crate) use heartbeat::Heart;
pub(crate) use lifecycle::AttemptTimes;
pub use shutdown::{ShutdownReport, StoppedRun};

use crate::{
    attempt::{Attempt, Capture, StopReason},
    hooks::{Hooks, Lifecycle},
    ids::IdSource,
    layer::Layers,
    logs::Logs,
    queues::QueueSetting,
    registry::Registry,
    schedule::Declared,
    telemetry::metrics,
};

/// What a server can be told.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) name: Arc<str>,
    pub(crate) concurrency: usize,
    pub(crate) grace: Duration,
    pub(crate) autosave: Duration,
    pub(crate) lease: Duration,
    pub(crate) stop_deadline: Duration,
    pub(crate) retention: Retention,
    pub(crate) labels: Arc<[Label]>,
    pub(crate) queues: Vec<QueueSetting>,
    /// Only of these queues.
    pub(crate) only_listed: bool,
    pub(crate) logs: Logs,
    /// The store was handed to it by value: it is closed with it.
    pub(crate) owns_store: bool,
    /// That code declares.
    pub(crate) schedules: Vec<Declared>,
}

/// What the loops share.
pub(crate) struct Executor {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    registry: Registry,
    layers: Layers,
    hooks: Hooks,
    told_ends: ends::ToldEnds,
    pub(crate) beside: Companions,
    ids: IdSource,
    /// This incarnation; another one once its lease was lost.
    server: watch::Sender<ServerId>,
    held: Mutex<HashMap<(RunId, Epoch), RunningAttempt>>,
    /// Stop signals to attempts that were not held yet. Locked only while `held` is.
    early: Mutex<VecDeque<StopSignal>>,
    /// Claims that the store was not told the end of yet.
    unsettled: AtomicUsize,
    /// Called when there is none of them left.
    all_settled: Notify,
    /// Claimed runs that no slot has taken yet.
    ready: slots::Ready,
    /// Claims whose attempt has not ended yet, started or not.
    outstanding: AtomicUsize,
    /// The same, of the queues of which this server takes so many only.
    in_queues: Mutex<HashMap<Queue, usize>>,
    /// Called when a queue of which there were as many as this server takes has room again.
    queue_has_room: Notify,
    /// Attempts that ended, ever.
    ended: AtomicU64,
    attempt_ended: Notify,
    to_settle: mpsc::Sender<settle::Finished>,
    done: Mutex<mpsc::Receiver<settle::Finished>>,
    claiming: claiming::Claiming,
    wake_autosave: Arc<Notify>,
    pub(crate) life: Life,
    /// The grace is over: attempts are dropped where they stand.
    abandon: CancellationToken,
    /// Everything is settled: the loops that serve attempts end.
    finished: CancellationToken,
    /// How it went, if it was not shut down.
    abandonment: OnceLock<Abandonment>,
    /// Becomes cancelled then.
    abandoned: CancellationToken,
    /// Nothing is left to be done.
    over: Over,
    /// Attempts are moved on while one of the runtime's threads is blocked.
    moves_on: bool,
    broken: OnceLock<StoreError>,
    /// Becomes cancelled when the store broke.
    pub(crate) store_broke: CancellationToken,
    /// Becomes cancelled when the schedules that code declares are in the store.
    pub(crate) schedules_ready: CancellationToken,
    /// The loops that bring in runs.
    intake: TaskTracker,
    /// All others.
    loops: TaskTracker,
}

/// What of the user's is called around attempts, besides the tasks.
pub(crate) struct Extensions {
    pub(crate) layers: Layers,
    pub(crate) hooks: Hooks,
}

/// How far the end of a server has come, for those who wait on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life {
    /// No more claims, and nothing that is shown while it lasts.
    pub(crate) stopping: CancellationToken,
    /// No more attempts.
    pub(crate) stopped: CancellationToken,
}

/// An attempt under way.
#[derive(Clone)]
struct RunningAttempt {
    attempt: Arc<Attempt>,
    values: Arc<dyn Capture>,
}

/// Settlements that wait for the store; beyond it, attempts that end keep their slot, so that a slow store is not
/// outrun.
const SETTLE_QUEUE: usize = 1024;

impl Executor {
    /// Starts all loops.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        registry: Registry,
        around: Extensions,
        beside: Companions,
        ids: IdSource,
    ) -> Arc<Self> {
        let life = beside.life.clone();
        let (to_settle, done) = mpsc::channel(SETTLE_QUEUE);
        let server = watch::Sender::new(ids.server(clock.now()));
        let executor = Arc::new(Self {
            ready: slots::Ready::default(),
            store,
            clock,
            settings,
            registry,
            layers: around.layers,
            hooks: around.hooks,
            told_ends: ends::ToldEnds::default(),
            beside,
            ids,
            server,
            held: Mutex::default(),
            early: Mutex::default(),
            unsettled: AtomicUsize::new(0),
            all_settled: Notify::new(),
            outstanding: AtomicUsize::new(0),
            in_queues: Mutex::default(),
            queue_has_room: Notify::new(),
            ended: AtomicU64::new(0),
            attempt_ended: Notify::new(),
            to_settle,
            done: Mutex::new(done),
            claiming: claiming::Claiming::default(),
            wake_autosave: Arc::new(Notify::new()),
            life,
            abandon: CancellationToken::new(),
            finished: CancellationToken::new(),
            abandonment: OnceLock::new(),
            abandoned: CancellationToken::new(),
            over: Over::default(),
            moves_on: abandon::moves_on(),
            broken: OnceLock::new(),
            store_broke: CancellationToken::new(),
            schedules_ready: CancellationToken::new(),
            intake: TaskTracker::new(),
            loops: TaskTracker::new(),
        });
        let (server, name) = (executor.server(), executor.settings.name.clone());
        metrics::slots(&name, executor.settings.concurrency);
        executor.hooks.tell(|| Lifecycle::ServerStarted { server, name });
        executor.loops.spawn(settle::settle(executor.clone()));
        executor.loops.spawn(autosave::autosave(executor.clone()));
        executor.loops.spawn(stop_requests::stop_requests(executor.clone()));
        executor.loops.spawn(retention::retain(executor.clone()));
        if executor.hooks.are_of_the_user() {
            executor.loops.spawn(ends::tell(executor.clone()));
        }
        #[cfg(feature = "metrics")]
        executor.loops.spawn(depths::tell(executor.clone()));
        executor.intake.spawn(begin::begin(executor.clone()));
        executor.intake.spawn(schedules::schedules(executor.clone(), executor.clock.now()));
        slots::open(&executor);
        executor.tell_when_the_runtime_ends();
        executor
    }

    pub(crate) fn server(&self) -> ServerId {
        *self.server.borrow()
    }

    /// The store broke: no more claims, and every attempt is told.
    fn break_off(&self, error: StoreError) {
        tracing::error!(%error, "the store broke; no more runs are claimed");
        let first = self.broken.set(error).is_ok();
        let error = self.broken.get().expect("it was set just now, or before").clone();
        if first {
            self.hooks.tell(|| Lifecycle::StoreBroken { error: error.clone() });
        }
        self.life.stopping.cancel();
        self.stop_all(&StopReason::StoreBroken { error });
        self.store_broke.cancel();
    }

    pub(crate) fn broken(&self) -> Option<&StoreError> {
        self.broken.get()
    }

    /// The claims of this incarnation are lost: its attempts end, and what is claimed from now on is claimed by a new
    /// one.
    fn new_incarnation(&self) {
        // While nobody can be held, so that no attempt of the new incarnation is among those that are stopped.
        let held = self.held();
        let lost = self.server.send_replace(self.ids.server(self.clock.now()));
        held.values().for_each(|held| held.attempt.stop(StopReason::ClaimLost));
        drop(held);
        tracing::warn!(server = %lost, "the lease is lost; its attempts end");
    }

    fn stop_all(&self, reason: &StopReason) {
        for held in self.held().values() {
            held.attempt.stop(reason.clone());
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<(RunId, Epoch), RunningAttempt>> {
        self.held.lock().expect("nothing panics while it is held")
    }

    fn hold(&self, held: RunningAttempt) {
        let attempt = held.attempt.clone();
        let mut all = self.held();
        all.insert((attempt.id, attempt.epoch), held);
        self.apply_pending_stops(&attempt);
    }

    fn claimed(&self, runs: &[Claimed]) {
        self.outstanding.fetch_add(runs.len(), Ordering::AcqRel);
        self.unsettled.fetch_add(runs.len(), Ordering::AcqRel);
        if self.settings.queues.iter().any(|queue| queue.here.is_some()) {
            let mut in_queues = self.in_queues.lock().expect("nothing panics while it is held");
            for claimed in runs {
                *in_queues.entry(claimed.run.queue.clone()).or_default() += 1;
            }
        }
    }

    /// How many more this server takes of which queues.
    fn capacity(&self) -> Capacity {
        let in_queues = self.in_queues.lock().expect("nothing panics while it is held");
        let room = |queue: &QueueSetting| {
            let taken = in_queues.get(&queue.name).copied().unwrap_or(0);
            (queue.name.clone(), queue.here.map_or(usize::MAX, |max| max.saturating_sub(taken)))
        };
        let only = self.settings.only_listed;
        let named = |queue: &&QueueSetting| only || queue.here.is_some();
        Capacity { per_queue: self.settings.queues.iter().filter(named).map(room).collect(), only_listed: only }
    }

    fn release(&self, attempt: &Attempt) {
        if attempt.released.swap(true, Ordering::AcqRel) {
            return;
        }
        self.held().remove(&(attempt.id, attempt.epoch));
        if self.unsettled.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all_settled.notify_waiters();
        }
    }

    fn attempt_ended(&self, queue: &Queue) {
        if let Some(max) = self.settings.queues.iter().find(|one| one.name == *queue).and_then(|one| one.here) {
            let mut in_queues = self.in_queues.lock().expect("nothing panics while it is held");
            let taken = in_queues.get_mut(queue).expect("it was counted when it was claimed");
            *taken -= 1;
            if *taken + 1 == max {
                self.queue_has_room.notify_one();
            }
        }
        self.outstanding.fetch_sub(1, Ordering::AcqRel);
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.attempt_ended.notify_one();
    }
}
