//! A store whose calls fail when a test says so.

mod plan;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
pub use longhaul_core::store::Call;
use longhaul_core::{Clock, RunId, Store, StoreError};
use tokio::sync::Notify;

use self::plan::{Fault, Plan, Strike};

/// When a call fails.
///
/// ```
/// use longhaul_testkit::FaultPoint;
///
/// assert_ne!(FaultPoint::BeforeEffect, FaultPoint::AfterEffect);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "tests build it and match it")]
pub enum FaultPoint {
    /// The store never hears of it.
    BeforeEffect,
    /// The store did what was asked; only the answer is lost.
    AfterEffect,
}

impl FaultPoint {
    /// Both, for tests that try one after the other.
    pub const BOTH: [Self; 2] = [Self::BeforeEffect, Self::AfterEffect];
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests build it and match it")]
pub struct Made {
    /// Which method.
    pub call: Call,
    /// The runs that were named in it, in order.
    pub runs: Vec<RunId>,
}

/// A store that passes calls on to another, and fails some of them. Clones are the same store.
///
/// Without a fault it is as good as the store inside.
///
/// ```
/// use longhaul_core::{StoreError, Timestamp, store::prelude::*};
/// use longhaul_testkit::{Call, FaultyStore, MemoryStore, TestClock, FaultPoint, fixture::new_run};
/// use std::sync::Arc;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let clock = TestClock::starting_at(Timestamp::EPOCH);
/// let store = FaultyStore::new(Arc::new(MemoryStore::new(Arc::new(clock))));
/// let run = new_run(Timestamp::EPOCH, "demo", 1);
///
/// // The answer is lost, but the run is kept: the repeated insert is a duplicate.
/// store.fail_next(Call::Insert, FaultPoint::AfterEffect, StoreError::Closed);
/// assert_eq!(store.insert(vec![run.clone()]).await, Err(StoreError::Closed));
/// assert!(store.insert(vec![run]).await.unwrap()[0].is_err());
/// assert_eq!(store.count_of(Call::Insert), 2);
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FaultyStore(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    plan: Mutex<Plan>,
    made: Notify,
}

impl FaultyStore {
    /// All calls go to `inner`.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self(Arc::new(Inner { store: inner, plan: Mutex::default(), made: Notify::new() }))
    }

    /// The `nth` call from now on, counted from 1, fails as [`StoreError::Unavailable`], before or after it took
    /// effect; and the calls that follow it fail before they take effect, until [`mend`](Self::mend).
    ///
    /// Calls that are under way are not touched.
    pub fn cut_after(&self, nth: usize, when: FaultPoint) {
        assert!(nth >= 1, "calls are counted from 1");
        self.plan().cut = Some((nth, when));
    }

    /// The next call of this method fails with `error`, and those after it work again. Several add up: the first call
    /// takes the first fault.
    pub fn fail_next(&self, call: Call, when: FaultPoint, error: StoreError) {
        self.plan().push(call, Fault { when, strike: Strike::Fail(error) });
    }

    /// The next call of this method is never answered.
    pub fn hang_next(&self, call: Call, when: FaultPoint) {
        self.plan().push(call, Fault { when, strike: Strike::Hang });
    }

    /// From now on pages show this run as one that cannot be read. The store inside has it still, whole.
    pub fn damage(&self, run: RunId) {
        self.plan().damaged.push(run);
    }

    /// From now on all calls work, save those that hang already, and no run is damaged.
    pub fn mend(&self) {
        self.plan().mend();
    }

    /// How often the method was called, whatever came of it.
    pub fn count_of(&self, call: Call) -> usize {
        self.plan().made.iter().filter(|made| made.call == call).count()
    }

    /// All calls so far, in order, whatever came of them.
    pub fn calls(&self) -> Vec<Made> {
        self.plan().made.clone()
    }

    /// Waits until the method was called `times` times in all: the fact to wait on where a test would sleep.
    pub async fn called(&self, call: Call, times: usize) {
        loop {
            let made = self.0.made.notified();
            if self.count_of(call) >= times {
                return;
            }
            made.await;
        }
    }

    /// There is another handle of it, or of the store inside.
    fn is_cloned(&self) -> bool {
        Arc::strong_count(&self.0) > 1 || Arc::strong_count(&self.0.store) > 1
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a call on, unless a fault was planned for it.
    async fn pass<T, E: From<StoreError>>(
        &self,
        call: Call,
        runs: Vec<RunId>,
        inner: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let fault = self.plan().next(Made { call, runs });
        self.0.made.notify_waiters();
        let Some(Fault { when, strike }) = fault else {
            return inner.await;
        };
        if when == FaultPoint::AfterEffect {
            drop(inner.await);
        }
        match strike {
            Strike::Fail(error) => Err(error.into()),
            Strike::Hang => std::future::pending().await,
        }
    }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultyStore").field(&*self.plan()).finish()
    }
}

/// The runs that a call names.
macro_rules! named {
    (insert($runs:ident)) => {
        $runs.iter().map(|run| run.id).collect()
    };
    (checkpoint($writes:ident)) => {
        $writes.iter().map(|write| write.id).collect()
    };
    (settle($writes:ident)) => {
        $writes.iter().map(|write| write.id).collect()
    };
    (log($writes:ident)) => {
        $writes.iter().map(|write| write.id).collect()
    };
    (begin($runs:ident)) => {
        $runs.iter().map(|(id, _)| *id).collect()
    };
    (release_incompatible($runs:ident)) => {
        $runs.clone()
    };
    (schedule($change:ident)) => {
        $change.runs.iter().map(|run| run.id).collect()
    };
    (proceed($one:ident)) => {
        vec![$one.id]
    };
    (retry($one:ident)) => {
        vec![$one.id]
    };
    (read_log($one:ident)) => {
        vec![$one.id]
    };
    (cancel($id:ident, $($arg:ident),*)) => {
        vec![$id]
    };
    (update($id:ident, $($arg:ident),*)) => {
        vec![$id]
    };
    (changed($id:ident, $seen:ident)) => {
        vec![$id]
    };
    (delete($id:ident)) => {
        vec![$id]
    };
    (explain($id:ident)) => {
        vec![$id]
    };
    (get($id:ident)) => {
        vec![$id]
    };
    ($method:ident($($arg:ident),*)) => {
        vec![]
    };
}

macro_rules! pass {
    ($self:ident, $call:ident, list($request:ident)) => {{
        let page = $self.pass(Call::$call, vec![], $self.0.store.list($request)).await?;
        Ok($self.plan().damage(page))
    }};
    ($self:ident, $call:ident, $method:ident($($arg:ident),*)) => {{
        let runs = named!($method($($arg),*));
        $self.pass(Call::$call, runs, $self.0.store.$method($($arg),*)).await
    }};
}

longhaul_core::forward_store!(FaultyStore, pass);

#[async_trait]
impl Store for FaultyStore {
    fn clock(&self) -> Arc<dyn Clock> {
        self.0.store.clock()
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
