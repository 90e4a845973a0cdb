//! The handle that callers hold: it asks the committer, and waits for its answer.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use async_trait::async_trait;
use longhaul_core::{
    Actor, Clock, Control, ControlChange, Controls, Explanation, Inserted, Key, Kind, Log, LogRequest, NewRun,
    Retentions, RunId, Scope, ServerId, Snapshot, StateKind, Store, StoreError,
    clock::OnJump,
    code::KindSupport,
    limits::{CLAIM_MAX, PAGE_MAX, SCHEDULE_MAX, SCHEDULE_RUNS_MAX},
    store::{
        CancelError, Cancelled, Checkpoint, CheckpointError, Checkpointed, ClaimRequest, Claimed, DeleteError, Filter,
        GetError, InsertError, LogPages, Page, PageRequest, Proceed, ProceedError, Proceeded, QueueDepth, RunUpdate,
        ScheduleChange, ScheduleChanged, ScheduleError, Schedules, ServerBeat, ServerError, SettleError, Settled,
        Settlement, StopSignals, Swept, UpdateError,
    },
};
use tokio::sync::{oneshot, watch};

use crate::{
    apply::{CountRequest, Counted, check_log},
    command::{Command, Reply, Ticket},
    committer::{Committer, Health, SetAside},
    error::{OpenError, panicked},
    open,
    options::{Durability, Options},
    queue::{Queue, Taken},
};

/// Runs that one command removes at most: about the keys of a batch, so that no commit waits for long.
const SWEEP_SLICE: usize = 200;

/// A store in a folder, for one process at a time. Clones are the same store.
///
/// The last clone that is dropped closes it, and waits for the commit under way; [`close`](Self::close) does so without
/// blocking. What was acknowledged before is safe in any case.
///
/// ```
/// use longhaul_core::{Store, store::Filter};
/// use longhaul_embedded::{EmbeddedStore, Options};
/// # use longhaul_testkit::TestClock;
/// # use std::sync::Arc;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path();
/// # let clock = Arc::new(TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
///
/// let store = EmbeddedStore::open(path, Options::new(clock))?;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// assert_eq!(store.count(Filter::default()).await?, 0);
/// store.close().await;
/// # Ok::<(), longhaul_core::StoreError>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct EmbeddedStore(Arc<Inner>);

struct Inner {
    queue: Arc<Queue>,
    health: Arc<Health>,
    durability: Durability,
    aside: Vec<SetAside>,
    /// Its sender goes when the committer ends.
    ended: watch::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    /// The clock keeps no more than a `Weak` of it.
    _on_jump: Arc<OnJump>,
}

impl EmbeddedStore {
    /// Opens the store in `folder`, which is created if it is not there. Runs that were executing when the process
    /// that had it open died wait to be claimed again when this returns.
    ///
    /// It blocks: on the disk, and for about a second per million runs. Call it before the runtime has work to do, or
    /// from a thread where blocking is allowed.
    ///
    /// # Errors
    /// [`OpenError::Locked`] names the process that has it open. The others say what to do.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        open::open(folder.as_ref(), options)
    }

    /// Starts the committer on a store that was loaded.
    pub(crate) fn start(
        load: impl FnOnce(Arc<Queue>, Arc<Health>) -> Result<Committer, OpenError>,
        clock: &dyn Clock,
        durability: Durability,
    ) -> Result<Self, OpenError> {
        let (queue, health) = (Arc::new(Queue::new()), Arc::new(Health::new()));
        let mut committer = load(Arc::clone(&queue), Arc::clone(&health))?;
        let aside = std::mem::take(&mut committer.aside);
        let on_jump: Arc<OnJump> = {
            let queue = Arc::clone(&queue);
            Arc::new(move || queue.nudge())
        };
        clock.on_jump(Arc::downgrade(&on_jump));
        let (alive, ended) = watch::channel(());
        let thread = {
            let (queue, health) = (Arc::clone(&queue), Arc::clone(&health));
            thread::Builder::new().name("longhaul-committer".into()).spawn(move || {
                run(committer, &queue, &health);
                drop(alive);
            })
        };
        let thread = thread.expect("the system has room for one thread");
        Ok(Self(Arc::new(Inner { queue, health, durability, aside, ended, thread: Some(thread), _on_jump: on_jump })))
    }

    /// What acknowledged writes survive.
    pub fn durability(&self) -> Durability {
        self.0.durability
    }

    /// What could not be read at this opening, and was set aside; see
    /// [`Options::set_aside_damaged`](crate::Options::set_aside_damaged).
    pub fn set_aside(&self) -> &[SetAside] {
        &self.0.aside
    }

    /// Why the store takes no more writes, if it does not: [`StoreError::Broken`], which says what to do. What can be
    /// read stays readable.
    pub fn health(&self) -> Result<(), StoreError> {
        self.0.health.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Closes the store for all clones: calls that wait fail as [`StoreError::Closed`], all others that were made are
    /// carried out. When it returns, the folder can be opened again.
    ///
    /// Claims are not given back: an executor that ends in good order settles its attempts and leaves first.
    pub async fn close(&self) {
        self.0.queue.close();
        let mut ended = self.0.ended.clone();
        while ended.changed().await.is_ok() {}
    }

    pub(crate) async fn call<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.0.queue.push(command(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(self.0.health.get().cloned().unwrap_or(StoreError::Closed)))
    }
}

fn run(committer: Committer, queue: &Queue, health: &Health) {
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| committer.run())) else { return };
    let message = panic_message(&*panic);
    let error = panicked(message);
    tracing::error!(%error, "the store takes no more calls");
    let error = health.get_or_init(|| error);
    loop {
        let Taken { commands, closed } = queue.take(None);
        for command in commands {
            command.refuse(error);
        }
        if closed {
            return;
        }
    }
}

/// What a panic said, if it said something.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        // The committer holds no handle, so it is never the one that waits for itself.
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the committer of the store panicked twice");
        }
    }
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("durability", &self.0.durability)
            .field("health", &self.health())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        self.call(|reply| Command::Insert { runs, reply }).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        assert!((1..=CLAIM_MAX).contains(&request.max), "a claim asks for 1 to {CLAIM_MAX} runs, not {}", request.max);
        self.call(|reply| Command::Claim { request, reply }).await.map(Ticket::redeem)
    }

    async fn checkpoint(
        &self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError> {
        self.call(|reply| Command::Checkpoint { checkpoints, reply }).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        self.call(|reply| Command::Settle { settlements, reply }).await
    }

    async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        check_log(&pages);
        self.call(|reply| Command::Log { pages, reply }).await
    }

    async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError> {
        self.call(|reply| Command::Heartbeat { beat, reply }).await?
    }

    async fn expire(&self) -> Result<usize, StoreError> {
        self.call(|reply| Command::Expire { reply }).await
    }

    async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.call(|reply| Command::Leave { server, reply }).await
    }

    async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError> {
        self.call(|reply| Command::StopSignals { server, seen, reply }).await
    }

    async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        self.call(|reply| Command::Proceed { proceed, reply }).await?
    }

    async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError> {
        self.call(|reply| Command::Cancel { id, reason, by, reply }).await?
    }

    async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError> {
        self.call(|reply| Command::RunUpdate { id, update, by, reply }).await?
    }

    async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError> {
        self.call(|reply| Command::Control { scope, change, reply }).await
    }

    async fn controls(&self) -> Result<Controls, StoreError> {
        self.call(|reply| Command::Controls { reply }).await
    }

    async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleError> {
        let (runs, length) = (change.runs.len(), change.value.as_ref().map_or(0, |value| value.len()));
        assert!(runs <= SCHEDULE_RUNS_MAX, "a change of a schedule brings up to {SCHEDULE_RUNS_MAX} runs, not {runs}");
        assert!(length <= SCHEDULE_MAX, "a schedule has up to {SCHEDULE_MAX} bytes, not {length}");
        self.call(|reply| Command::Schedule { change, reply }).await?
    }

    async fn schedules(&self, seen: u64) -> Result<Schedules, StoreError> {
        self.call(|reply| Command::Schedules { seen, reply }).await
    }

    async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.call(|reply| Command::Explain { id, reply }).await?
    }

    async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.call(|reply| Command::Delete { id, reply }).await?
    }

    async fn release_incompatible(&self, kinds: Vec<KindSupport>) -> Result<usize, StoreError> {
        self.call(|reply| Command::ReleaseIncompatible { kinds, reply }).await
    }

    async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError> {
        self.call(|reply| Command::FindByKey { kind, key, reply }).await
    }

    async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.call(|reply| Command::Get { id, reply }).await?
    }

    async fn read_log(&self, request: LogRequest) -> Result<Log, GetError> {
        self.call(|reply| Command::ReadLog { request, reply }).await?
    }

    async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError> {
        self.call(|reply| Command::Changed { id, seen, reply }).await?
    }

    async fn list(&self, request: PageRequest) -> Result<Page, StoreError> {
        let limit = request.limit;
        assert!((1..=PAGE_MAX).contains(&limit), "a page has 1 to {PAGE_MAX} runs, not {limit}");
        self.call(|reply| Command::List { request, reply }).await
    }

    /// Runs that change while a large store is counted may be counted twice, or not at all.
    async fn count(&self, filter: Filter) -> Result<u64, StoreError> {
        let mut request = CountRequest { filter, ..CountRequest::default() };
        let mut total = 0;
        loop {
            let part = request.clone();
            let Counted { count, next } = self.call(|reply| Command::Count { request: part, reply }).await?;
            total += count;
            match next {
                Some(next) => request.from = next,
                None => return Ok(total),
            }
        }
    }

    async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.call(|reply| Command::Queues { reply }).await
    }

    async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError> {
        let mut removed = 0;
        loop {
            let retentions = retentions.clone();
            let slice = SWEEP_SLICE.min(max - removed);
            let swept = self.call(|reply| Command::Sweep { retentions, max: slice, reply }).await?;
            removed += swept.removed;
            if swept.removed < slice || removed == max {
                return Ok(Swept { removed, next: swept.next });
            }
        }
    }
}
