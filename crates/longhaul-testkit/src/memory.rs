//! The plain model of a store: what the others must agree with.

mod claim;
mod client;
mod copy;
mod ended;
mod ends;
mod families;
mod life;
mod memory_state;
mod order;
mod query;
mod schedules;
mod server;
mod settle;
mod waits;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use longhaul_core::{
    Actor, ChildCounts, Clock, Control, ControlChange, Controls, Epoch, Explanation, Inserted, Key, Kind, Log,
    LogRequest, NewRun, Retentions, RunId, ScheduleName, Scope, ServerId, Snapshot, StateKind, StoreError, Timestamp,
    clock::OnJump,
    counts::Statistics,
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
use tokio::sync::Notify;

use self::memory_state::MemoryState;
use crate::clock::change_or_due;

/// A store in memory: one lock, ordered maps, and [`decide`](longhaul_core::decide()) for every transition.
///
/// It is made to be seen to be right, not to be fast: a claim looks at every run. It forgets all when it is dropped.
/// Calls that wait need a tokio runtime with time, unless the clock moves by hand.
///
/// ```
/// use longhaul_core::{Store, Timestamp, store::Filter};
/// use longhaul_testkit::{MemoryStore, TestClock};
/// use std::sync::Arc;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let clock = TestClock::starting_at(Timestamp::EPOCH);
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Arc::new(clock.clone())));
/// assert_eq!(store.count(Filter::default()).await?, 0);
/// # Ok::<(), longhaul_core::StoreError>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    state: Mutex<MemoryState>,
    /// Told after each change, and when the clock jumped.
    changed: Arc<Notify>,
    /// The clock keeps no more than a `Weak` of it.
    _on_jump: Arc<OnJump>,
}

impl MemoryStore {
    /// An empty store that takes its time from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let changed = Arc::new(Notify::new());
        let on_jump: Arc<OnJump> = {
            let changed = Arc::clone(&changed);
            Arc::new(move || changed.notify_waiters())
        };
        clock.on_jump(Arc::downgrade(&on_jump));
        Self { clock, state: Mutex::default(), changed, _on_jump: on_jump }
    }

    /// As if the process had died and come back over an embedded store: what was kept is there, the runs that were
    /// executing go on at once, servers are forgotten, and calls that wait fail as [`StoreError::Closed`].
    pub fn crash_and_reopen(&self) {
        self.write(MemoryState::reopen);
    }

    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        // Poisoned by a failed test's assertion elsewhere: what is in the state was written whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ensure_open(&self) -> Result<(), StoreError> {
        if self.lock().closed { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// The state as it is now: what time alone has ended is over before anybody looks.
    fn lock_now(&self) -> (MutexGuard<'_, MemoryState>, Timestamp) {
        let mut state = self.lock();
        let now = self.clock.now();
        if state.expire_deadlines(now) | state.look_at_waits(now) {
            self.changed.notify_waiters();
        }
        (state, now)
    }

    fn read<T>(&self, read: impl FnOnce(&MemoryState) -> T) -> T {
        read(&self.lock_now().0)
    }

    fn write<T>(&self, write: impl FnOnce(&mut MemoryState, Timestamp) -> T) -> T {
        let (mut state, now) = self.lock_now();
        let answer = write(&mut state, now);
        state.look_at_waits(now);
        drop(state);
        self.changed.notify_waiters();
        answer
    }

    /// Tries again after each change, and when the time has come that `attempt` named, until it has an answer.
    async fn wait<T>(
        &self,
        mut attempt: impl FnMut(&mut MemoryState, Timestamp) -> Result<T, Option<Timestamp>>,
    ) -> Result<T, StoreError> {
        let life = self.lock().life;
        loop {
            // Made before the look, so that no change between the look and the wait is missed.
            let changed = self.changed.notified();
            let looked = {
                let (mut state, now) = self.lock_now();
                if state.life != life || state.closed {
                    return Err(StoreError::Closed);
                }
                let next_deadline = state.next_deadline();
                attempt(&mut state, now).map_err(|due| [due, next_deadline].into_iter().flatten().min())
            };
            match looked {
                Ok(answer) => return Ok(answer),
                Err(due) => change_or_due(changed, &*self.clock, due).await,
            }
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("clock", &self.clock).finish_non_exhaustive()
    }
}

#[async_trait]
impl RunStore for MemoryStore {
    async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, now| runs.into_iter().map(|new| state.insert(now, new)).collect()))
    }

    async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError> {
        self.ensure_open()?;
        self.write(|state, now| state.proceed(now, proceed))
    }

    async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError> {
        self.ensure_open()?;
        self.write(|state, now| state.cancel(now, id, reason, by))
    }

    async fn retry(&self, retry: Retry) -> Result<Retried, RetryError> {
        self.ensure_open()?;
        self.write(|state, now| state.retry(now, &retry))
    }

    async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError> {
        self.ensure_open()?;
        self.write(|state, now| state.update(now, id, update, by))
    }

    async fn release_incompatible(&self, runs: Vec<RunId>) -> Result<usize, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, now| state.release_incompatible(now, &runs)))
    }

    async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.ensure_open()?;
        self.write(|state, now| state.delete(now, id))
    }

    async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, now| {
            state.admission.controls.forget_limit_keys(now);
            state.sweep(now, &retentions, max)
        }))
    }
}

#[async_trait]
impl AttemptStore for MemoryStore {
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        self.ensure_open()?;
        if !request.wait {
            return Ok(self.write(|state, now| state.claim(now, &request)));
        }
        let claimed = self
            .wait(|state, now| match state.claim(now, &request) {
                claimed if claimed.is_empty() => Err(state.next_look(now, &request)),
                claimed => Ok(claimed),
            })
            .await?;
        self.changed.notify_waiters();
        Ok(claimed)
    }

    async fn begin(&self, runs: Vec<(RunId, Epoch)>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        Ok(self.write(|state, now| runs.into_iter().map(|(id, epoch)| state.begin(now, id, epoch)).collect()))
    }

    async fn checkpoint(
        &self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, now| checkpoints.into_iter().map(|one| state.checkpoint(now, one)).collect()))
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, now| settlements.into_iter().map(|one| state.settle(now, one)).collect()))
    }

    async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, _| pages.into_iter().map(|one| state.log(one)).collect()))
    }
}

#[async_trait]
impl ServerStore for MemoryStore {
    async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError> {
        self.ensure_open()?;
        self.write(|state, now| state.heartbeat(now, &beat))
    }

    async fn expire(&self) -> Result<usize, StoreError> {
        self.ensure_open()?;
        Ok(self.write(MemoryState::expire))
    }

    async fn leave(&self, server: ServerId) -> Result<(), StoreError> {
        self.ensure_open()?;
        self.write(|state, now| state.leave(now, server));
        Ok(())
    }

    async fn servers(&self) -> Result<Vec<ServerInfo>, StoreError> {
        self.ensure_open()?;
        Ok(self.read(MemoryState::servers))
    }

    async fn describe_kinds(&self, kinds: Vec<KindDescription>) -> Result<(), StoreError> {
        self.ensure_open()?;
        kinds.iter().for_each(KindDescription::assert_limits);
        self.write(|state, _| state.describe_kinds(kinds));
        Ok(())
    }

    async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError> {
        self.ensure_open()?;
        self.wait(|state, _| state.stop_requests(server, seen).ok_or(None)).await
    }
}

#[async_trait]
impl ScheduleStore for MemoryStore {
    async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleChangeError> {
        self.ensure_open()?;
        self.write(|state, now| state.schedule(now, change))
    }

    async fn get_schedule(&self, name: ScheduleName) -> Result<Option<ScheduleRow>, StoreError> {
        self.ensure_open()?;
        Ok(self.read(|state| state.get_schedule(&name)))
    }

    async fn schedules(&self, seen: u64) -> Result<ScheduleChanges, StoreError> {
        self.ensure_open()?;
        self.wait(|state, _| state.schedules_after(seen).ok_or(None)).await
    }
}

#[async_trait]
impl ControlStore for MemoryStore {
    async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, now| {
            let controls = &mut state.admission.controls;
            controls.change(&scope, change);
            controls.forget_limit_keys(now);
            controls.get(&scope).cloned().unwrap_or_default().at(now)
        }))
    }

    async fn controls(&self) -> Result<Controls, StoreError> {
        self.ensure_open()?;
        let now = self.clock.now();
        Ok(self.read(|state| state.admission.controls.at(now)))
    }
}

#[async_trait]
impl CopyStore for MemoryStore {
    async fn copy_out(&self, from: Option<CopyCursor>) -> Result<CopyPage, StoreError> {
        self.ensure_open()?;
        let now = self.clock.now();
        Ok(self.read(|state| state.copy_out(now, from)))
    }

    async fn copy_in(&self, items: Vec<CopyItem>) -> Result<usize, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, now| {
            let added = items.into_iter().map(|item| usize::from(state.copy_in(now, item))).sum();
            state.families.forget_news();
            added
        }))
    }
}

#[async_trait]
impl Inspect for MemoryStore {
    async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.ensure_open()?;
        self.read(|state| state.get(id))
    }

    async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError> {
        self.ensure_open()?;
        self.wait(|state, _| match state.get(id) {
            Ok(snapshot) if snapshot.run.revision <= seen => Err(None),
            other => Ok(other),
        })
        .await?
    }

    async fn child_counts(&self, parent: RunId) -> Result<ChildCounts, StoreError> {
        self.ensure_open()?;
        Ok(self.read(|state| state.families.counts(parent)))
    }

    async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError> {
        self.ensure_open()?;
        let now = self.clock.now();
        Ok(self.read(|state| state.holder_there(now, &kind, &key).map(|run| run.id)))
    }

    async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.ensure_open()?;
        let now = self.clock.now();
        self.read(|state| state.explain(now, id))
    }

    async fn read_log(&self, request: LogRequest) -> Result<Log, GetError> {
        self.ensure_open()?;
        self.read(|state| state.read_log(&request))
    }

    async fn list(&self, request: PageRequest) -> Result<Page, StoreError> {
        self.ensure_open()?;
        Ok(self.read(|state| state.list(&request)))
    }

    async fn list_headers(&self, request: PageRequest) -> Result<HeaderPage, StoreError> {
        self.ensure_open()?;
        Ok(self.read(|state| state.list_headers(&request)))
    }

    async fn headers(&self, ids: Vec<RunId>) -> Result<Vec<RunHeader>, StoreError> {
        self.ensure_open()?;
        Ok(self.read(|state| state.headers(&ids)))
    }

    async fn statistics(&self) -> Result<Statistics, StoreError> {
        self.ensure_open()?;
        Ok(self.read(|state| state.statistics.clone()))
    }

    async fn ended(&self, request: EndedRequest) -> Result<EndedPage, EndedError> {
        self.ensure_open()?;
        if !request.wait {
            return self.read(|state| state.ended(&request));
        }
        self.wait(|state, _| match state.ended(&request) {
            Ok(page) if page.runs.is_empty() => Err(None),
            other => Ok(other),
        })
        .await?
    }

    async fn count(&self, filter: Filter) -> Result<u64, StoreError> {
        self.ensure_open()?;
        Ok(self.read(|state| state.count(&filter)))
    }

    async fn kinds(&self) -> Result<Vec<KindDescription>, StoreError> {
        self.ensure_open()?;
        Ok(self.read(|state| state.kinds.values().cloned().collect()))
    }

    async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.ensure_open()?;
        Ok(self.write(|state, now| state.queues(now)))
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    async fn close(&self) {
        self.write(|state, _| state.closed = true);
    }

    /// It is shared by those who share it in an `Arc`.
    fn is_shared(&self) -> bool {
        false
    }
}
