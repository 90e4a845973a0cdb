//! The handle that callers hold: it asks the committer, and waits for its answer.

use std::{fmt, path::Path, sync::Arc};

use async_trait::async_trait;
use longhaul_core::{
    Actor, ChildCounts, Clock, Control, ControlChange, Controls, Epoch, Explanation, Inserted, Key, Kind, Log,
    LogRequest, NewRun, Retentions, RunId, ScheduleName, Scope, ServerId, Snapshot, StateKind, Statistics, StoreError,
    limits::{PAGE_MAX, SCHEDULE_MAX, SCHEDULE_RUNS_MAX},
    store::{
        CancelError, Cancelled, Checkpoint, CheckpointError, Checkpointed, ClaimRequest, Claimed, DeleteError,
        EndedError, EndedPage, EndedRequest, Filter, GetError, HeaderPage, InsertError, KindDescription, LogPages,
        Page, PageRequest, Proceed, ProceedError, Proceeded, QueueDepth, Retried, Retry, RetryError, RunHeader,
        RunUpdate, ScheduleChange, ScheduleChangeError, ScheduleChanged, ScheduleChanges, ScheduleRow, ServerBeat,
        ServerError, ServerInfo, SettleError, Settled, Settlement, StopSignals, Swept, UpdateError,
        copy::{CopyCursor, CopyItem, CopyPage, CopyStore},
        prelude::*,
    },
};

use crate::{
    committer::{
        command::{Command, Read, Reply, Write},
        ticket::Ticket,
    },
    error::OpenError,
    health,
    opening::{self, Opened},
    ops::{
        count::{CountRequest, Counted},
        log::check as check_log,
    },
    options::{Durability, Options},
    state::set_aside::SetAside,
};

/// Runs that one command removes at most: about the keys of a batch, so that no commit waits for long.
const SWEEP_SLICE: usize = 200;

/// A store in a folder, for one process at a time. Clones are the same store.
///
/// The last clone that is dropped closes it, and waits for the commit under way, up to [`Options::engine_timeout`];
/// [`close`](Self::close) does so without blocking. What was acknowledged before is safe in any case.
///
/// ```
/// use longhaul_core::store::{Filter, prelude::*};
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
pub struct EmbeddedStore(Arc<Opened>);

impl EmbeddedStore {
    /// Opens the store in `folder`, which is created if it is not there. Runs that were executing when the process
    /// that had it open died wait to be claimed again when this returns.
    ///
    /// It blocks: on the disk, and for about a second per million runs. Call it before the runtime has work to do, or
    /// from a thread where blocking is allowed; or call [`open_async`](Self::open_async).
    ///
    /// # Errors
    /// [`OpenError::Locked`] names the process that has it open. [`OpenError::Stalled`] comes after
    /// [`Options::open_timeout`], so this ends in any case. The others say what to do.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        health::block_on(Self::open_async(folder, options))
    }

    /// The same, without blocking: a program can listen for signals meanwhile.
    ///
    /// Cancel safe: an opening that nobody waits for goes on by itself, and closes the store at its end.
    ///
    /// ```
    /// # use longhaul_embedded::{EmbeddedStore, Options};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path();
    /// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let store = EmbeddedStore::open_async(path, Options::new(clock)).await?;
    /// store.close().await;
    /// # Ok::<(), longhaul_embedded::OpenError>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_async(folder: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        opening::open(folder.as_ref(), options).await.map(Self::of)
    }

    pub(crate) fn of(opened: Opened) -> Self {
        Self(Arc::new(opened))
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

    /// Why the store takes no more writes, if it does not: [`StoreError::Broken`], which says what to do. It is there
    /// before any call is answered because of it. What can be read stays readable, unless reading or writing panicked, or
    /// did not come back.
    pub fn health(&self) -> Result<(), StoreError> {
        self.0.running.health().map_or(Ok(()), |error| Err(error.clone()))
    }

    /// Closes the store for all clones: calls that wait fail as [`StoreError::Closed`], all others that were made are
    /// carried out. When it returns, the folder can be opened again; but for an engine that does not come back, for which
    /// it waits no longer than [`Options::engine_timeout`]: then the folder stays locked until the process ends.
    ///
    /// Claims are not given back: an executor that ends in good order settles its attempts and leaves first.
    pub async fn close(&self) {
        self.0.running.close().await;
    }

    /// Has the committer carry out a command.
    pub(crate) async fn call<T, C: Into<Command>>(&self, command: impl FnOnce(Reply<T>) -> C) -> Result<T, StoreError> {
        self.0.running.call(command).await
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
impl RunStore for EmbeddedStore {
    async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        self.call(|reply| Write::Insert { runs, reply }).await
    }

    async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        self.call(|reply| Write::Proceed { proceed, reply }).await?
    }

    async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError> {
        self.call(|reply| Write::Cancel { id, reason, by, reply }).await?
    }

    async fn retry(&self, retry: Retry) -> Result<Retried, RetryError> {
        self.call(|reply| Write::Retry { retry, reply }).await?
    }

    async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError> {
        self.call(|reply| Write::Update { id, update, by, reply }).await?
    }

    async fn release_incompatible(&self, runs: Vec<RunId>) -> Result<usize, StoreError> {
        self.call(|reply| Write::ReleaseIncompatible { runs, reply }).await
    }

    async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.call(|reply| Write::Delete { id, reply }).await?
    }

    async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError> {
        let mut removed = 0;
        loop {
            let retentions = retentions.clone();
            let slice = SWEEP_SLICE.min(max - removed);
            let swept = self.call(|reply| Write::Sweep { retentions, max: slice, reply }).await?;
            removed += swept.removed;
            if swept.removed < slice || removed == max {
                return Ok(Swept { removed, next: swept.next });
            }
        }
    }
}

#[async_trait]
impl AttemptStore for EmbeddedStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        request.assert_limits();
        self.call(|reply| Write::Claim { request, reply }).await.map(Ticket::redeem)
    }

    async fn begin(&self, runs: Vec<(RunId, Epoch)>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.call(|reply| Write::Begin { runs, reply }).await
    }

    async fn checkpoint(
        &self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError> {
        self.call(|reply| Write::Checkpoint { checkpoints, reply }).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        self.call(|reply| Write::Settle { settlements, reply }).await
    }

    async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        check_log(&pages);
        self.call(|reply| Write::Log { pages, reply }).await
    }
}

#[async_trait]
impl ServerStore for EmbeddedStore {
    async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError> {
        self.call(|reply| Write::Heartbeat { beat, reply }).await?
    }

    async fn expire(&self) -> Result<usize, StoreError> {
        self.call(|reply| Write::Expire { reply }).await
    }

    async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.call(|reply| Write::Leave { server, reply }).await
    }

    async fn servers(&self) -> Result<Vec<ServerInfo>, StoreError> {
        self.call(|reply| Read::Servers { reply }).await
    }

    async fn describe_kinds(&self, kinds: Vec<KindDescription>) -> Result<(), StoreError> {
        kinds.iter().for_each(KindDescription::assert_limits);
        self.call(|reply| Write::DescribeKinds { kinds, reply }).await
    }

    async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError> {
        self.call(|reply| Read::StopRequests { server, seen, reply }).await
    }
}

#[async_trait]
impl ScheduleStore for EmbeddedStore {
    async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleChangeError> {
        let (runs, length) = (change.runs.len(), change.value.as_ref().map_or(0, |value| value.len()));
        assert!(runs <= SCHEDULE_RUNS_MAX, "a change of a schedule brings up to {SCHEDULE_RUNS_MAX} runs, not {runs}");
        assert!(length <= SCHEDULE_MAX, "a schedule has up to {SCHEDULE_MAX} bytes, not {length}");
        self.call(|reply| Write::Schedule { change, reply }).await?
    }

    async fn get_schedule(&self, name: ScheduleName) -> Result<Option<ScheduleRow>, StoreError> {
        self.call(|reply| Read::GetSchedule { name, reply }).await
    }

    async fn schedules(&self, seen: u64) -> Result<ScheduleChanges, StoreError> {
        self.call(|reply| Read::Schedules { seen, reply }).await
    }
}

#[async_trait]
impl ControlStore for EmbeddedStore {
    async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError> {
        self.call(|reply| Write::Control { scope, change, reply }).await
    }

    async fn controls(&self) -> Result<Controls, StoreError> {
        self.call(|reply| Read::Controls { reply }).await
    }
}

#[async_trait]
impl CopyStore for EmbeddedStore {
    async fn copy_out(&self, from: Option<CopyCursor>) -> Result<CopyPage, StoreError> {
        self.call(|reply| Read::CopyOut { from, reply }).await
    }

    async fn copy_in(&self, items: Vec<CopyItem>) -> Result<usize, StoreError> {
        self.call(|reply| Write::CopyIn { items, reply }).await
    }
}

#[async_trait]
impl Inspect for EmbeddedStore {
    async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.call(|reply| Read::Get { id, reply }).await?
    }

    async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError> {
        self.call(|reply| Read::Changed { id, seen, reply }).await?
    }

    async fn child_counts(&self, parent: RunId) -> Result<ChildCounts, StoreError> {
        self.call(|reply| Read::ChildCounts { parent, reply }).await
    }

    async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError> {
        self.call(|reply| Read::FindByKey { kind, key, reply }).await
    }

    async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.call(|reply| Read::Explain { id, reply }).await?
    }

    async fn read_log(&self, request: LogRequest) -> Result<Log, GetError> {
        self.call(|reply| Read::Log { request, reply }).await?
    }

    async fn list(&self, request: PageRequest) -> Result<Page, StoreError> {
        request.assert_limits();
        self.call(|reply| Read::List { request, reply }).await
    }

    async fn list_headers(&self, request: PageRequest) -> Result<HeaderPage, StoreError> {
        request.assert_limits();
        self.call(|reply| Read::ListHeaders { request, reply }).await
    }

    async fn headers(&self, ids: Vec<RunId>) -> Result<Vec<RunHeader>, StoreError> {
        assert!(ids.len() <= PAGE_MAX, "at most {PAGE_MAX} runs, not {}", ids.len());
        self.call(|reply| Read::Headers { ids, reply }).await
    }

    async fn statistics(&self) -> Result<Statistics, StoreError> {
        self.call(|reply| Read::Statistics { reply }).await
    }

    async fn ended(&self, request: EndedRequest) -> Result<EndedPage, EndedError> {
        let limit = request.limit;
        assert!((1..=PAGE_MAX).contains(&limit), "a page has 1 to {PAGE_MAX} runs, not {limit}");
        self.call(|reply| Read::Ended { request, reply }).await?
    }

    /// Runs that change while a large store is counted may be counted twice, or not at all.
    async fn count(&self, filter: Filter) -> Result<u64, StoreError> {
        let mut request = CountRequest { filter, ..CountRequest::default() };
        let mut total = 0;
        loop {
            let part = request.clone();
            let Counted { count, next } = self.call(|reply| Read::Count { request: part, reply }).await?;
            total += count;
            match next {
                Some(next) => request.from = next,
                None => return Ok(total),
            }
        }
    }

    async fn kinds(&self) -> Result<Vec<KindDescription>, StoreError> {
        self.call(|reply| Read::Kinds { reply }).await
    }

    async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.call(|reply| Read::Queues { reply }).await
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}
