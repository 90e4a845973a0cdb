//! What the tests share: a scene with a store, a clock and faults, and facts to wait for.

use longhaul::store_api::store::prelude::*;
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock, Weak},
    time::Duration,
};

use longhaul::{
    AnyError, Backoff, Builder, Client, Clock, Context, ExecutionResult, Longhaul, RetryPolicy, RunHandle, RunId,
    RunStatus, StateKind, StoreError, Success, Task, TaskFn, TaskTypes, Timestamp,
    store_api::{Snapshot, clock::OnJump, history::Transition},
};
use longhaul_testkit::{FaultyStore, MemoryStore, TestClock};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{
    Dispatch, Subscriber,
    subscriber::{DefaultGuard, NoSubscriber},
};

/// 2026-01-01 00:00 UTC.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const GRACE: Duration = Duration::from_secs(25);
/// A heartbeat comes each third of the lease; not at a full minute, where other loops wake up.
pub(crate) const BEAT: Duration = Duration::from_secs(11);
pub(crate) const LEASE: Duration = Duration::from_secs(33);
const LONG_LEASE: Duration = Duration::from_secs(1 << 33);

/// A store that several servers can work on, one after the other or at once, a clock that stands still, and calls that
/// fail on demand.
pub(crate) struct Scene {
    pub(crate) clock: TestClock,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) faults: FaultyStore,
    sleepers: Sleepers,
    client: Client,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let clock = TestClock::starting_at(START);
        let store = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
        Self::over(clock, store)
    }

    /// Another process on the same store and clock, with faults of its own.
    pub(crate) fn another(&self) -> Self {
        Self::over(self.clock.clone(), self.store.clone())
    }

    fn over(clock: TestClock, store: Arc<MemoryStore>) -> Self {
        let (faults, client) = (FaultyStore::new(store.clone()), Client::new(store.clone()));
        Self { faults, sleepers: Sleepers::on(&clock), client, clock, store }
    }

    /// A server on this store and clock, whose lease lasts however far the clock is moved.
    pub(crate) fn builder(&self) -> Builder {
        let (store, clock) = (Arc::new(self.faults.clone()), Arc::new(self.sleepers.clone()));
        Longhaul::builder().shared_store(store).clock(clock).lease(LONG_LEASE)
    }

    /// A server that has to renew its lease: let the clock be moved by [`beat`](Self::beat) alone.
    pub(crate) fn leased(&self) -> Builder {
        self.builder().lease(LEASE)
    }

    /// A client in another process.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    pub(crate) async fn snapshot(&self, id: RunId) -> Snapshot {
        self.store.get(id).await.expect("the run is kept")
    }

    /// As if the process of `server` had died.
    pub(crate) fn kill(&self, server: Longhaul) {
        self.store.crash_and_reopen();
        drop(server);
    }

    /// The claims of `server`, which was started on this scene, are taken away. It hears of it at its next heartbeat.
    pub(crate) async fn take_claims_of(&self, server: &Longhaul) {
        self.begun().await;
        self.store.leave(server.server_id()).await.expect("the memory store answers");
    }

    /// Waits until somebody sleeps until `at`.
    pub(crate) async fn asleep_until(&self, at: Timestamp) {
        let mut asked = self.sleepers.asked.subscribe();
        asked.wait_for(|asked| asked.contains(&at)).await.expect("the scene holds the sender");
    }

    /// Waits until the server that was started on this scene has sent its heartbeat of now.
    pub(crate) async fn begun(&self) {
        self.asleep_until(self.clock.now().after(BEAT)).await;
    }

    /// Moves the clock to the next heartbeat of the server that was started on this scene, and waits for it.
    pub(crate) async fn beat(&self) {
        beat_all(&[self]).await;
    }
}

/// The same for several servers at once.
pub(crate) async fn beat_all(scenes: &[&Scene]) {
    for scene in scenes {
        scene.begun().await;
    }
    scenes[0].clock.advance(BEAT);
    for scene in scenes {
        scene.begun().await;
    }
}

/// A clock that notes until when it was asked to sleep, so that a test moves it only then.
#[derive(Debug, Clone)]
struct Sleepers {
    clock: TestClock,
    asked: watch::Sender<BTreeSet<Timestamp>>,
}

impl Sleepers {
    fn on(clock: &TestClock) -> Self {
        Self { clock: clock.clone(), asked: watch::Sender::new(BTreeSet::new()) }
    }
}

impl Clock for Sleepers {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    fn wait_for(&self, at: Timestamp) -> Option<Duration> {
        self.asked.send_if_modified(|asked| asked.insert(at));
        self.clock.wait_for(at)
    }

    fn on_jump(&self, wake: Weak<OnJump>) {
        self.clock.on_jump(wake);
    }
}

/// What this thread tells through `tracing` goes to `subscriber`, for as long as the guard is held. A test's server runs
/// on its thread.
pub(crate) fn hear(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    // While there is only one subscriber in the process, tracing asks the one of the thread that first comes by an event
    // whether it is of interest to anybody, ever: with tests on many threads that is mostly none.
    static OTHERS: LazyLock<[Dispatch; 2]> = LazyLock::new(|| [(); 2].map(|()| Dispatch::new(NoSubscriber::default())));
    LazyLock::force(&OTHERS);
    tracing::subscriber::set_default(subscriber)
}

/// Opened once: a fact that others wait for.
#[derive(Clone, Default)]
pub(crate) struct Gate(CancellationToken);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.cancel();
    }

    pub(crate) async fn opened(&self) {
        self.0.cancelled().await;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// The run as soon as `holds`.
pub(crate) async fn until<T: TaskTypes>(run: &RunHandle<T>, holds: impl Fn(&RunStatus<T>) -> bool) -> RunStatus<T> {
    let mut status = run.status().await.expect("the run is kept");
    while !holds(&status) {
        status = run.changed(&status).await.expect("the run is kept");
    }
    status
}

pub(crate) async fn reaches<T: TaskTypes>(run: &RunHandle<T>, state: StateKind) -> RunStatus<T> {
    until(run, |status| status.state() == state).await
}

/// What happened to a run, in words, without who claimed it.
pub(crate) fn happened<T: TaskTypes>(status: &RunStatus<T>) -> Vec<String> {
    let word = |what: &Transition| match what {
        Transition::Claimed(_) => "claimed".to_owned(),
        other => other.to_string(),
    };
    status.history().entries.iter().map(|entry| word(&entry.what)).collect()
}

/// Retries at once, without waiting for the clock.
pub(crate) fn at_once() -> RetryPolicy {
    RetryPolicy::default().backoff(Backoff::Fixed(Duration::ZERO))
}

pub(crate) fn unavailable() -> StoreError {
    StoreError::Unavailable { reason: "a test said so".into() }
}

pub(crate) fn broken() -> StoreError {
    StoreError::Broken { reason: "the disk is full".into(), remedy: "Make room, and open it anew".into() }
}

/// Most tests need a task whose every type is a number.
pub(crate) type Numbers = TaskFn<u64, u64, u64, AnyError>;
pub(crate) const WORK: Numbers = TaskFn::new("work");

/// Ends with its execution metadata as the result.
pub(crate) fn done(ctx: &Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
    Success::with_result(ctx.read(|x| *x)).for_error()
}

/// Waits until it is told to stop, and follows.
pub(crate) async fn until_stopped(ctx: &Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
    ctx.until_stopped(std::future::pending::<()>()).await?;
    unreachable!("what is pending never ends")
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) to: u64,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    pub(crate) at: u64,
}

/// Counts, with a checkpoint at each number.
pub(crate) struct CountUp;

impl Task for CountUp {
    const NAME: &'static str = "count-up";
    type Metadata = Count;
    type ExecutionMetadata = Cursor;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Count, Cursor>) -> ExecutionResult<u64, AnyError> {
        while ctx.read(|cursor| cursor.at) < ctx.metadata().to {
            ctx.update(|cursor| cursor.at += 1);
            ctx.checkpoint().await?;
        }
        Success::with_result(ctx.read(|cursor| cursor.at)).for_error()
    }
}
