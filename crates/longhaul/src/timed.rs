//! A store whose every call has a timeout, and whose new runs are counted.

use std::{sync::Arc, time::Duration};

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

use crate::{clock, telemetry::metrics::Enqueuing};

/// Calls that wait for something to happen (a claim with `wait`, `changed`, `stop_requests`, `schedules`) have no timeout: their answer is
/// not late when nothing happens.
pub(crate) struct Timed {
    inner: Arc<dyn Store>,
    limit: Duration,
}

impl Timed {
    /// Longer than any fsync of a disk that still works; shorter than what makes people kill a process.
    pub(crate) const LIMIT: Duration = Duration::from_secs(30);

    pub(crate) fn wrap(inner: Arc<dyn Store>, limit: Duration) -> Arc<dyn Store> {
        Arc::new(Self { inner, limit })
    }

    async fn limited<O, E: From<StoreError>>(
        &self,
        call: &'static str,
        answer: impl Future<Output = Result<O, E>>,
    ) -> Result<O, E> {
        match clock::within(self.limit, answer).await {
            Some(answer) => answer,
            None => Err(StoreError::TimedOut { call, after: self.limit }.into()),
        }
    }
}

#[async_trait]
impl Store for Timed {
    async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        let enqueuing = Enqueuing::of(&runs);
        let answers = self.limited("insert", self.inner.insert(runs)).await?;
        enqueuing.answered(&answers);
        Ok(answers)
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        if request.wait {
            return self.inner.claim(request).await;
        }
        self.limited("claim", self.inner.claim(request)).await
    }

    async fn begin(&self, runs: Vec<(RunId, Epoch)>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.limited("begin", self.inner.begin(runs)).await
    }

    async fn checkpoint(
        &self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError> {
        self.limited("checkpoint", self.inner.checkpoint(checkpoints)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        self.limited("settle", self.inner.settle(settlements)).await
    }

    async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.limited("log", self.inner.log(pages)).await
    }

    async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError> {
        self.limited("heartbeat", self.inner.heartbeat(beat)).await
    }

    async fn expire(&self) -> Result<usize, StoreError> {
        self.limited("expire", self.inner.expire()).await
    }

    async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.limited("leave", self.inner.leave(server)).await
    }

    async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError> {
        self.inner.stop_requests(server, seen).await
    }

    async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        self.limited("proceed", self.inner.proceed(proceed)).await
    }

    async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError> {
        self.limited("cancel", self.inner.cancel(id, reason, by)).await
    }

    async fn retry(&self, retry: Retry) -> Result<Retried, RetryError> {
        self.limited("retry", self.inner.retry(retry)).await
    }

    async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError> {
        self.limited("update", self.inner.update(id, update, by)).await
    }

    async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError> {
        self.limited("control", self.inner.control(scope, change)).await
    }

    async fn controls(&self) -> Result<Controls, StoreError> {
        self.limited("controls", self.inner.controls()).await
    }

    async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleError> {
        let enqueuing = Enqueuing::of(&change.runs);
        let changed = self.limited("schedule", self.inner.schedule(change)).await?;
        enqueuing.answered(&changed.runs);
        Ok(changed)
    }

    async fn schedules(&self, seen: u64) -> Result<Schedules, StoreError> {
        self.inner.schedules(seen).await
    }

    async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.limited("explain", self.inner.explain(id)).await
    }

    async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.limited("delete", self.inner.delete(id)).await
    }

    async fn release_incompatible(&self, runs: Vec<RunId>) -> Result<usize, StoreError> {
        self.limited("release_incompatible", self.inner.release_incompatible(runs)).await
    }

    async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError> {
        self.limited("find_by_key", self.inner.find_by_key(kind, key)).await
    }

    async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.limited("get", self.inner.get(id)).await
    }

    async fn read_log(&self, request: LogRequest) -> Result<Log, GetError> {
        self.limited("read_log", self.inner.read_log(request)).await
    }

    async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError> {
        self.inner.changed(id, seen).await
    }

    async fn list(&self, request: PageRequest) -> Result<Page, StoreError> {
        self.limited("list", self.inner.list(request)).await
    }

    async fn ended(&self, request: EndedRequest) -> Result<EndedPage, EndedError> {
        if request.wait {
            return self.inner.ended(request).await;
        }
        self.limited("ended", self.inner.ended(request)).await
    }

    async fn count(&self, filter: Filter) -> Result<u64, StoreError> {
        self.limited("count", self.inner.count(filter)).await
    }

    async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.limited("queues", self.inner.queues()).await
    }

    async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError> {
        self.limited("sweep", self.inner.sweep(retentions, max)).await
    }

    async fn close(&self) {
        if clock::within(self.limit, self.inner.close()).await.is_none() {
            tracing::warn!(after = ?self.limit, "the store did not close in time");
        }
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }
}
