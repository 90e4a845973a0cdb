//! Each method of the port, on its way to the store inside.

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

use super::{Call, FaultyStore};

#[async_trait]
impl Store for FaultyStore {
    async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        let ids = runs.iter().map(|new| new.id).collect();
        self.pass(Call::Insert, ids, self.0.store.insert(runs)).await
    }

    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        self.pass(Call::Claim, vec![], self.0.store.claim(request)).await
    }

    async fn begin(&self, runs: Vec<(RunId, Epoch)>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        let ids = runs.iter().map(|(id, _)| *id).collect();
        self.pass(Call::Begin, ids, self.0.store.begin(runs)).await
    }

    async fn checkpoint(
        &self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError> {
        let ids = checkpoints.iter().map(|one| one.id).collect();
        self.pass(Call::Checkpoint, ids, self.0.store.checkpoint(checkpoints)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        let ids = settlements.iter().map(|one| one.id).collect();
        self.pass(Call::Settle, ids, self.0.store.settle(settlements)).await
    }

    async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        let ids = pages.iter().map(|one| one.id).collect();
        self.pass(Call::Log, ids, self.0.store.log(pages)).await
    }

    async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError> {
        self.pass(Call::Heartbeat, vec![], self.0.store.heartbeat(beat)).await
    }

    async fn expire(&self) -> Result<usize, StoreError> {
        self.pass(Call::Expire, vec![], self.0.store.expire()).await
    }

    async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.pass(Call::Leave, vec![], self.0.store.leave(server)).await
    }

    async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError> {
        self.pass(Call::StopSignals, vec![], self.0.store.stop_requests(server, seen)).await
    }

    async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        self.pass(Call::Proceed, vec![proceed.id], self.0.store.proceed(proceed)).await
    }

    async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError> {
        self.pass(Call::Cancel, vec![id], self.0.store.cancel(id, reason, by)).await
    }

    async fn retry(&self, retry: Retry) -> Result<Retried, RetryError> {
        self.pass(Call::Retry, vec![retry.id], self.0.store.retry(retry)).await
    }

    async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError> {
        self.pass(Call::RunUpdate, vec![id], self.0.store.update(id, update, by)).await
    }

    async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError> {
        self.pass(Call::Control, vec![], self.0.store.control(scope, change)).await
    }

    async fn controls(&self) -> Result<Controls, StoreError> {
        self.pass(Call::Controls, vec![], self.0.store.controls()).await
    }

    async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleError> {
        let ids = change.runs.iter().map(|new| new.id).collect();
        self.pass(Call::Schedule, ids, self.0.store.schedule(change)).await
    }

    async fn schedules(&self, seen: u64) -> Result<Schedules, StoreError> {
        self.pass(Call::Schedules, vec![], self.0.store.schedules(seen)).await
    }

    async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.pass(Call::Explain, vec![id], self.0.store.explain(id)).await
    }

    async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.pass(Call::Delete, vec![id], self.0.store.delete(id)).await
    }

    async fn release_incompatible(&self, runs: Vec<RunId>) -> Result<usize, StoreError> {
        self.pass(Call::ReleaseIncompatible, runs.clone(), self.0.store.release_incompatible(runs)).await
    }

    async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError> {
        self.pass(Call::FindByKey, vec![], self.0.store.find_by_key(kind, key)).await
    }

    async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.pass(Call::Get, vec![id], self.0.store.get(id)).await
    }

    async fn read_log(&self, request: LogRequest) -> Result<Log, GetError> {
        self.pass(Call::ReadLog, vec![request.id], self.0.store.read_log(request)).await
    }

    async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError> {
        self.pass(Call::Changed, vec![id], self.0.store.changed(id, seen)).await
    }

    async fn list(&self, request: PageRequest) -> Result<Page, StoreError> {
        let page = self.pass(Call::List, vec![], self.0.store.list(request)).await?;
        Ok(self.plan().damage(page))
    }

    async fn ended(&self, request: EndedRequest) -> Result<EndedPage, EndedError> {
        self.pass(Call::Ended, vec![], self.0.store.ended(request)).await
    }

    async fn count(&self, filter: Filter) -> Result<u64, StoreError> {
        self.pass(Call::Count, vec![], self.0.store.count(filter)).await
    }

    async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.pass(Call::Queues, vec![], self.0.store.queues()).await
    }

    async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError> {
        self.pass(Call::Sweep, vec![], self.0.store.sweep(retentions, max)).await
    }

    async fn close(&self) {
        let closed = async {
            self.0.store.close().await;
            Ok::<_, StoreError>(())
        };
        // A fault that was planned for it leaves the store open.
        let _ = self.pass(Call::Close, vec![], closed).await;
    }

    fn is_shared(&self) -> bool {
        self.is_cloned() || self.0.store.is_shared()
    }
}
