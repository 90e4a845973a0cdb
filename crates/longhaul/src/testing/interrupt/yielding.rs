//! A store that makes every checkpoint an await that waits, before and after it took effect.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use longhaul_core::{
    Actor, Control, ControlChange, Controls, Epoch, Explanation, Inserted, Key, Kind, Log, LogRequest, NewRun,
    Retentions, RunId, Scope, ServerId, Snapshot, StateKind, Store, StoreError,
    store::{
        CancelError, Cancelled, Checkpoint, CheckpointError, Checkpointed, ClaimRequest, Claimed, DeleteError,
        EndedError, EndedPage, EndedRequest, Filter, GetError, InsertError, LogPages, Page, PageRequest, Proceed,
        ProceedError, Proceeded, QueueDepth, Retried, Retry, RetryError, RunUpdate, ScheduleChange, ScheduleChanged,
        ScheduleError, Schedules, ServerBeat, ServerError, SettleError, Settled, Settlement, StopSignals, Swept,
        UpdateError,
    },
};
use longhaul_testkit::MemoryStore;

pub(super) struct Yielding {
    pub(super) inner: MemoryStore,
    /// Checkpoints that were kept.
    pub(super) kept: Arc<AtomicUsize>,
}

#[async_trait]
impl Store for Yielding {
    async fn begin(&self, runs: Vec<(RunId, Epoch)>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.inner.begin(runs).await
    }

    async fn checkpoint(
        &self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError> {
        let saves = checkpoints.iter().filter(|checkpoint| checkpoint.execution_metadata.is_some()).count();
        tokio::task::yield_now().await;
        let answer = self.inner.checkpoint(checkpoints).await;
        self.kept.fetch_add(saves, Ordering::AcqRel);
        tokio::task::yield_now().await;
        answer
    }

    async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        self.inner.insert(runs).await
    }
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        self.inner.claim(request).await
    }
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        self.inner.settle(settlements).await
    }
    async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.inner.log(pages).await
    }
    async fn read_log(&self, request: LogRequest) -> Result<Log, GetError> {
        self.inner.read_log(request).await
    }
    async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError> {
        self.inner.heartbeat(beat).await
    }
    async fn expire(&self) -> Result<usize, StoreError> {
        self.inner.expire().await
    }
    async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.inner.leave(server).await
    }
    async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError> {
        self.inner.stop_requests(server, seen).await
    }
    async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        self.inner.proceed(proceed).await
    }
    async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError> {
        self.inner.cancel(id, reason, by).await
    }
    async fn retry(&self, retry: Retry) -> Result<Retried, RetryError> {
        self.inner.retry(retry).await
    }

    async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError> {
        self.inner.update(id, update, by).await
    }
    async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError> {
        self.inner.control(scope, change).await
    }
    async fn controls(&self) -> Result<Controls, StoreError> {
        self.inner.controls().await
    }
    async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleError> {
        self.inner.schedule(change).await
    }
    async fn schedules(&self, seen: u64) -> Result<Schedules, StoreError> {
        self.inner.schedules(seen).await
    }
    async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.inner.explain(id).await
    }
    async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.inner.delete(id).await
    }
    async fn release_incompatible(&self, runs: Vec<RunId>) -> Result<usize, StoreError> {
        self.inner.release_incompatible(runs).await
    }
    async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError> {
        self.inner.find_by_key(kind, key).await
    }
    async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.inner.get(id).await
    }
    async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError> {
        self.inner.changed(id, seen).await
    }
    async fn list(&self, request: PageRequest) -> Result<Page, StoreError> {
        self.inner.list(request).await
    }
    async fn ended(&self, request: EndedRequest) -> Result<EndedPage, EndedError> {
        self.inner.ended(request).await
    }

    async fn count(&self, filter: Filter) -> Result<u64, StoreError> {
        self.inner.count(filter).await
    }
    async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.inner.queues().await
    }

    async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError> {
        self.inner.sweep(retentions, max).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }
}
