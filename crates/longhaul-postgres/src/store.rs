//! The port, on a database.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use longhaul_core::{
    Actor, ChildCounts, Clock, Control, ControlChange, Controls, Epoch, Explanation, Inserted, Key, Kind, Log,
    LogRequest, NewRun, Retentions, RunId, ScheduleName, Scope, ServerId, Snapshot, StateKind, Store, StoreError,
    clock::OnJump,
    counts::Statistics,
    store::{
        AttemptStore, CancelError, Cancelled, Checkpoint, CheckpointError, Checkpointed, ClaimRequest, Claimed,
        ControlStore, DeleteError, EndedError, EndedPage, EndedRequest, Filter, GetError, HeaderPage, InsertError,
        Inspect, KindDescription, LogPages, Page, PageRequest, Proceed, ProceedError, Proceeded, QueueDepth, Retried,
        Retry, RetryError, RunHeader, RunStore, RunUpdate, ScheduleChange, ScheduleChangeError, ScheduleChanged,
        ScheduleChanges, ScheduleRow, ScheduleStore, ServerBeat, ServerError, ServerInfo, ServerStore, SettleError,
        Settled, Settlement, StopSignals, Swept, UpdateError,
    },
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    batcher::{Batcher, Calls, batcher, join},
    bell,
    clock::change_or_due,
    connect::{ConnectError, Connected, connect},
    handle::Inner,
    held::HeldRuns,
    lanes::Lanes,
    ops::write::{Write, Wrote},
    options::Options,
    poller,
    wake::{Interest, Wake},
};

/// At most so many runs are inserted in one transaction, unless one call brings more.
const INSERTS: usize = 1000;
/// At most so many writes of attempts are in one transaction, unless one call brings more.
const WRITES: usize = 256;

type Inserts = Batcher<NewRun, Result<Inserted, InsertError>>;

/// A store in a PostgreSQL database, for any number of servers. Cloning gives another handle to the same connections.
///
/// It belongs to the tokio runtime that it was connected in.
///
/// ```no_run
/// use longhaul_core::store::{Filter, prelude::*};
/// use longhaul_postgres::PostgresStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://app@db.internal/app").await?;
/// println!("{} runs", store.count(Filter::default()).await?);
/// store.close().await;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pub(crate) inner: Arc<Inner>,
    inserts: Arc<Inserts>,
    writes: Arc<Batcher<Write, Wrote>>,
    /// Dropped with the last handle: what works in the background ends then.
    _alive: Arc<watch::Sender<()>>,
}

impl PostgresStore {
    /// Connects to a database, and makes the tables in the schema `longhaul` if they are not there.
    ///
    /// `url` is what libpq takes: `postgres://user:password@host/database`, or `host=… user=…`.
    ///
    /// # Errors
    /// [`ConnectError`] says who refused what, why, and what to do.
    ///
    /// # Cancel safety
    /// A call that is dropped leaves either no new tables or all of them. Calling again is safe.
    pub async fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::connect_with(url, Options::default()).await
    }

    /// The same, with options.
    ///
    /// # Errors
    /// As [`connect`](Self::connect). A schema that a newer release has changed is refused as
    /// [`ConnectError::NewerSchema`]; nothing is changed then.
    pub async fn connect_with(url: &str, options: Options) -> Result<Self, ConnectError> {
        Ok(Self::start(connect(url, &options).await?, options))
    }

    fn start(connected: Connected, options: Options) -> Self {
        let Connected { db, config, connector, clock, database_clock, opened } = connected;
        let wake = Arc::new(Wake::default());
        let on_jump: Arc<OnJump> = {
            let wake = Arc::clone(&wake);
            Arc::new(move || wake.all())
        };
        clock.on_jump(Arc::downgrade(&on_jump));
        let inner = Arc::new(Inner {
            db,
            lanes: Lanes::default(),
            wake,
            held: HeldRuns::default(),
            bell: Arc::default(),
            polls: AtomicU64::new(0),
            told: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            returns: Mutex::default(),
            clock,
            database_clock,
            ends_opened: opened,
            closed: AtomicBool::new(false),
            // Whoever had this database before may have left something.
            waits_have_news: AtomicBool::new(true),
            looking: tokio::sync::Mutex::new(()),
            failed_claims: AtomicU64::new(0),
            looked_after: AtomicU64::new(0),
            enqueued: Mutex::default(),
            options,
            _on_jump: on_jump,
        });
        let (inserts, inserted) = batcher();
        let (writes, written) = batcher();
        // They end when the last handle is gone. Two inserts may be on their way; writes of a run keep their order.
        tokio::spawn(insert_all(Arc::clone(&inner), inserted));
        tokio::spawn(write_all(Arc::clone(&inner), written));
        let (alive, is_over) = watch::channel(());
        tokio::spawn(poller::poll(Arc::clone(&inner), is_over.clone()));
        if inner.options.listen {
            let (bell, schema, hears) = (Arc::clone(&inner.bell), inner.options.schema.clone(), Arc::clone(&inner));
            tokio::spawn(bell::keep(bell, (config, connector), schema, is_over, move |ring| hears.hear(ring)));
        }
        Self { inner, inserts: Arc::new(inserts), writes: Arc::new(writes), _alive: Arc::new(alive) }
    }

    /// What was sent to the database so far, for tests of plans.
    #[doc(hidden)]
    pub fn statements(&self) -> Vec<String> {
        self.inner.db.statements.all()
    }

    /// How many round trips to the database were made, for tests. The doorbell has a connection of its own.
    #[doc(hidden)]
    pub fn round_trips(&self) -> u64 {
        self.inner.db.statements.round_trips()
    }

    /// Whether other servers can ring, for tests.
    #[doc(hidden)]
    pub fn hears(&self) -> bool {
        self.inner.bell.is_connected()
    }

    /// How often changes of other servers were looked for, for tests.
    #[doc(hidden)]
    pub fn polls(&self) -> u64 {
        self.inner.polls.load(Ordering::Acquire)
    }

    /// Takes away the claims of a server whose process is known to be gone, without waiting for its lease.
    pub async fn declare_dead(&self, server: ServerId, evidence: &str) -> Result<usize, StoreError> {
        self.inner.ensure_open()?;
        self.inner.declare_dead(server, false, evidence).await
    }
}

/// So many batches are on their way at the same time: while one is flushed to disk, the other is made.
const ON_THE_WAY: usize = 2;

async fn insert_all(inner: Arc<Inner>, mut calls: Calls<NewRun, Result<Inserted, InsertError>>) {
    let mut on_the_way = JoinSet::new();
    while let Some(calls) = calls.next(INSERTS).await {
        let (runs, waiting) = join(calls);
        let inner = Arc::clone(&inner);
        on_the_way.spawn(async move {
            waiting.answer(inner.insert(&runs).await);
            look(&inner).await;
        });
        while on_the_way.len() >= ON_THE_WAY {
            on_the_way.join_next().await;
        }
    }
    on_the_way.detach_all();
}

/// Whoever waits for a run that has ended is looked at once that is kept. If that fails, the next call does so.
async fn look(inner: &Inner) {
    if let Err(error) = inner.look_if_needed().await {
        tracing::debug!(%error, "runs that wait for others are not looked at yet");
    }
}

/// Writes of one run keep their order: no two batches that are on their way have the same run.
async fn write_all(inner: Arc<Inner>, mut calls: Calls<Write, Wrote>) {
    let mut on_the_way: VecDeque<(HashSet<RunId>, JoinHandle<()>)> = VecDeque::new();
    while let Some(calls) = calls.next(WRITES).await {
        let (writes, waiting) = join(calls);
        let ids: HashSet<RunId> = writes.iter().map(Write::id).collect();
        while on_the_way.iter().any(|(others, _)| !others.is_disjoint(&ids)) {
            let Some((_, first)) = on_the_way.pop_front() else { break };
            // It panics only where its runtime does.
            _ = first.await;
        }
        let inner = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            waiting.answer(inner.write(&writes).await);
            look(&inner).await;
        });
        on_the_way.push_back((ids, task));
        on_the_way.retain(|(_, task)| !task.is_finished());
        if on_the_way.len() >= ON_THE_WAY
            && let Some((_, first)) = on_the_way.pop_front()
        {
            _ = first.await;
        }
    }
}

/// Tries again after each change, and at the time that the try named, until there is an answer.
/// The try answers `Ok(Ok(answer))`, or `Ok(Err(when to look again))`. The poller looks for `interest` meanwhile.
macro_rules! wait {
    ($inner:expr, $notify:expr, $interest:expr, $look:expr) => {{
        let mut registered = None;
        loop {
            // Made before the look, so that no change between the look and the wait is missed.
            let mut changed = std::pin::pin!($notify.notified());
            changed.as_mut().enable();
            $inner.ensure_open()?;
            let heard = $inner.bell.heard();
            match $look {
                Ok(answer) => break Ok(answer),
                Err(due) => {
                    if registered.is_none() {
                        registered = Some($inner.wake.wait_for($interest));
                        if $inner.bell.heard() != heard {
                            continue;
                        }
                    }
                    change_or_due(changed, &*$inner.clock, due).await;
                }
            }
        }
    }};
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("schema", &self.inner.options.schema).finish_non_exhaustive()
    }
}

#[async_trait]
impl RunStore for PostgresStore {
    async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        self.inner.ensure_open()?;
        self.inserts.call(runs).await
    }

    async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        self.inner.proceed(&proceed).await
    }

    async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError> {
        self.inner.cancel(id, reason, &by).await
    }

    async fn retry(&self, retry: Retry) -> Result<Retried, RetryError> {
        self.inner.retry(&retry).await
    }

    async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError> {
        self.inner.update(id, update, &by).await
    }

    async fn release_incompatible(&self, runs: Vec<RunId>) -> Result<usize, StoreError> {
        self.inner.release_incompatible(&runs).await
    }

    async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.inner.delete(id).await
    }

    async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError> {
        self.inner.sweep(&retentions, max).await
    }
}

#[async_trait]
impl AttemptStore for PostgresStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        let inner = &self.inner;
        inner.ensure_open()?;
        if request.wait {
            return wait!(inner, inner.wake.claims, Interest::Claims(Arc::new(request.clone())), {
                inner.before_claim(request.server).await?;
                let taken = inner.claim_once(&request).await?;
                if taken.claimed.is_empty() { Err(inner.next_look(&request, &taken).await?) } else { Ok(taken.claimed) }
            });
        }
        inner.before_claim(request.server).await?;
        Ok(inner.claim_once(&request).await?.claimed)
    }

    async fn begin(&self, runs: Vec<(RunId, Epoch)>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.inner.ensure_open()?;
        let writes = runs.into_iter().map(|(id, epoch)| Write::Begin(id, epoch)).collect();
        let begun = |wrote| match wrote {
            Wrote::Begin(begun) => begun,
            other => unreachable!("a begin is answered as one, not as {other:?}"),
        };
        Ok(self.writes.call(writes).await?.into_iter().map(begun).collect())
    }

    async fn checkpoint(
        &self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError> {
        self.inner.ensure_open()?;
        let writes = checkpoints.into_iter().map(Write::Checkpoint).collect();
        let kept = |wrote| match wrote {
            Wrote::Checkpoint(kept) => kept,
            other => unreachable!("a checkpoint is answered as one, not as {other:?}"),
        };
        Ok(self.writes.call(writes).await?.into_iter().map(kept).collect())
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        self.inner.ensure_open()?;
        let writes = settlements.into_iter().map(Write::Settle).collect();
        let settled = |wrote| match wrote {
            Wrote::Settle(settled) => settled,
            other => unreachable!("a settlement is answered as one, not as {other:?}"),
        };
        Ok(self.writes.call(writes).await?.into_iter().map(settled).collect())
    }

    async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.inner.log(&pages).await
    }
}

#[async_trait]
impl ServerStore for PostgresStore {
    async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError> {
        self.inner.heartbeat(&beat).await
    }

    async fn expire(&self) -> Result<usize, StoreError> {
        self.inner.expire().await
    }

    async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.inner.leave(server).await
    }

    async fn servers(&self) -> Result<Vec<ServerInfo>, StoreError> {
        self.inner.servers().await
    }

    async fn describe_kinds(&self, kinds: Vec<KindDescription>) -> Result<(), StoreError> {
        kinds.iter().for_each(KindDescription::assert_limits);
        self.inner.describe_kinds(&kinds).await
    }

    async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError> {
        let inner = &self.inner;
        wait!(
            inner,
            inner.wake.stops,
            Interest::StopRequests(server),
            inner.stop_requests_once(server, seen).await?.ok_or(None)
        )
    }
}

#[async_trait]
impl ScheduleStore for PostgresStore {
    async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleChangeError> {
        self.inner.schedule(&change).await
    }

    async fn get_schedule(&self, name: ScheduleName) -> Result<Option<ScheduleRow>, StoreError> {
        self.inner.get_schedule(name).await
    }

    async fn schedules(&self, seen: u64) -> Result<ScheduleChanges, StoreError> {
        let inner = &self.inner;
        wait!(inner, inner.wake.schedules, Interest::Schedules(seen), inner.schedules_once(seen).await?.ok_or(None))
    }
}

#[async_trait]
impl ControlStore for PostgresStore {
    async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError> {
        self.inner.control(&scope, &change).await
    }

    async fn controls(&self) -> Result<Controls, StoreError> {
        self.inner.controls().await
    }
}

#[async_trait]
impl Inspect for PostgresStore {
    async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.inner.get(id).await
    }

    async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError> {
        let inner = &self.inner;
        let watch = inner.wake.watch(id);
        wait!(inner, watch.notify, Interest::Run(id, seen), {
            let snapshot = inner.get(id).await?;
            if snapshot.run.revision <= seen { Err(snapshot.run.deadline()) } else { Ok(snapshot) }
        })
    }

    async fn child_counts(&self, parent: RunId) -> Result<ChildCounts, StoreError> {
        self.inner.child_counts(parent).await
    }

    async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError> {
        self.inner.find_by_key(&kind, &key).await
    }

    async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.inner.explain(id).await
    }

    async fn read_log(&self, request: LogRequest) -> Result<Log, GetError> {
        self.inner.read_log(&request).await
    }

    async fn list(&self, request: PageRequest) -> Result<Page, StoreError> {
        self.inner.list(&request).await
    }

    async fn ended(&self, request: EndedRequest) -> Result<EndedPage, EndedError> {
        let inner = &self.inner;
        if !request.wait {
            return inner.ended_once(&request).await;
        }
        wait!(inner, inner.wake.ended, Interest::Ended(request.after.position), {
            let page = inner.ended_once(&request).await?;
            if page.runs.is_empty() { Err(None) } else { Ok(page) }
        })
    }

    async fn list_headers(&self, request: PageRequest) -> Result<HeaderPage, StoreError> {
        self.inner.list_headers(&request).await
    }

    async fn headers(&self, ids: Vec<RunId>) -> Result<Vec<RunHeader>, StoreError> {
        self.inner.headers(&ids).await
    }

    async fn statistics(&self) -> Result<Statistics, StoreError> {
        self.inner.statistics().await
    }

    async fn count(&self, filter: Filter) -> Result<u64, StoreError> {
        self.inner.count(&filter).await
    }

    async fn kinds(&self) -> Result<Vec<KindDescription>, StoreError> {
        self.inner.kinds().await
    }

    async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.inner.queues().await
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.inner.clock)
    }

    async fn close(&self) {
        self.inner.returned().await;
        self.inner.closed.store(true, Ordering::Release);
        self.inner.wake.all();
        // Transactions that are on their way end first.
        drop(self.inner.turn.lock().await);
        self.inner.db.pool.close();
    }

    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.inserts) > 1
    }
}
