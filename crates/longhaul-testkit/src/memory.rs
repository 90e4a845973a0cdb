//! The plain model of a store: what the others must agree with.

#![expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "methods of the state take and answer what those of the port do"
)]

mod attempts;
mod copy;
mod families;
mod inspect;
mod memory_state;
mod order;
mod runs;
mod servers;
mod settings;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use longhaul_core::{
    Clock, Store, StoreError, Timestamp,
    clock::OnJump,
    store::copy::{CopyCursor, CopyItem, CopyPage, CopyStore},
};
use tokio::sync::Notify;

use self::memory_state::MemoryState;
use crate::clock::change_or_due;

/// A store in memory: one lock, ordered maps, and the rules of core for all that happens to a run.
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
        let mut state = self.lock_now();
        state.reopen();
        state.look_at_waits();
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, MemoryState> {
        // Poisoned by a failed test's assertion elsewhere: what is in the state was written whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state as it is now: what time alone has ended is over before anybody looks.
    fn lock_now(&self) -> MutexGuard<'_, MemoryState> {
        let mut state = self.lock();
        state.now = self.clock.now();
        if state.expire_deadlines() | state.look_at_waits() {
            self.changed.notify_waiters();
        }
        state
    }

    /// A call that has its answer at once.
    fn call<T>(&self, call: impl FnOnce(&mut MemoryState) -> T) -> Result<T, StoreError> {
        let mut state = self.lock_now();
        if state.closed {
            return Err(StoreError::Closed);
        }
        let answer = call(&mut state);
        state.look_at_waits();
        self.changed.notify_waiters();
        Ok(answer)
    }

    /// A call that waits: it is made again after each change, and when the time has come that it named, until it has an
    /// answer.
    async fn wait<T>(
        &self,
        mut call: impl FnMut(&mut MemoryState) -> Result<T, Option<Timestamp>>,
    ) -> Result<T, StoreError> {
        let life = self.lock().life;
        loop {
            // Made before the look, so that no change between the look and the wait is missed.
            let changed = self.changed.notified();
            let looked = {
                let mut state = self.lock_now();
                if state.life != life || state.closed {
                    return Err(StoreError::Closed);
                }
                let next_deadline = state.next_deadline();
                call(&mut state).map_err(|due| due.into_iter().chain(next_deadline).min())
            };
            match looked {
                Ok(answer) => {
                    self.changed.notify_waiters();
                    return Ok(answer);
                }
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

/// How the methods of the port reach those of the same name of the state. Five of them wait until
/// there is something to tell; all others have their answer at once.
macro_rules! ask_state {
    ($self:ident, $call:ident, claim($request:ident)) => {
        $self.wait(|state| state.claim(&$request)).await
    };
    ($self:ident, $call:ident, stop_requests($server:ident, $seen:ident)) => {
        $self.wait(|state| state.stop_requests($server, $seen).ok_or(None)).await
    };
    ($self:ident, $call:ident, schedules($seen:ident)) => {
        $self.wait(|state| state.schedules.after($seen).ok_or(None)).await
    };
    ($self:ident, $call:ident, changed($id:ident, $seen:ident)) => {
        $self.wait(|state| state.changed($id, $seen).ok_or(None)).await?
    };
    ($self:ident, $call:ident, ended($request:ident)) => {
        $self.wait(|state| state.ended(&$request).ok_or(None)).await?
    };
    ($self:ident, $call:ident, $method:ident($($arg:ident),*)) => {
        $self.call(|state| state.$method($($arg),*))?
    };
}

longhaul_core::forward_store!(MemoryStore, ask_state);

#[async_trait]
impl CopyStore for MemoryStore {
    async fn copy_out(&self, from: Option<CopyCursor>) -> Result<CopyPage, StoreError> {
        self.call(|state| state.copy_out(from))
    }

    async fn copy_in(&self, items: Vec<CopyItem>) -> Result<usize, StoreError> {
        self.call(|state| state.copy_in(items))
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    async fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// It is shared by those who share it in an `Arc`.
    fn is_shared(&self) -> bool {
        false
    }
}
