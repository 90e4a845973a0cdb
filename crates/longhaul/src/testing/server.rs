//! A whole server in memory.

use longhaul_core::store::prelude::*;
use std::{sync::Arc, time::Duration};

use longhaul_core::{
    StateKind, Timestamp,
    limits::PAGE_MAX,
    store::{Filter, PageRequest},
};
use longhaul_testkit::{MemoryStore, TestClock};

use crate::{Background, Builder, Client, Found, Longhaul, Services, TaskDefinition, schedule::is_behind};

/// A server in memory, whose clock stands still until you move it.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::testing::TestServer;
/// use std::time::Duration;
///
/// let server = TestServer::start(|builder| builder.task(CountUp));
/// let run = server.client().enqueue::<CountUp>(Count { to: 3 }).after(Duration::from_secs(3600)).await?;
/// assert_eq!(server.enqueued::<CountUp>().await.len(), 1);
///
/// server.run_until_idle().await; // nothing is due
/// assert_eq!(server.enqueued::<CountUp>().await.len(), 1);
///
/// server.advance(Duration::from_secs(3600));
/// server.run_until_idle().await;
/// assert_eq!(run.outcome().await?.completed(), Some(3));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TestServer {
    server: Longhaul,
    store: Arc<MemoryStore>,
    clock: TestClock,
}

/// No other server could take its runs over, and a test may move the clock by years between two heartbeats.
const LEASE: Duration = Duration::from_secs(1000 * 365 * 24 * 60 * 60);

impl TestServer {
    /// Starts one; `register` says which tasks it executes. Its clock shows 2026-01-01 00:00 UTC.
    ///
    /// # Panics
    /// When what `register` says cannot be followed.
    pub fn start(register: impl FnOnce(Builder) -> Builder) -> Self {
        Self::start_with_clock(TestClock::starting_at(Timestamp::from_micros(1_767_225_600_000_000)), register)
    }

    /// The same by a clock of yours: for tasks that are made with it, and for tests that begin at another time.
    ///
    /// ```
    /// # use longhaul::doc::CountUp;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use longhaul::{Clock, Timestamp, testing::{TestClock, TestServer}};
    ///
    /// let clock = TestClock::starting_at(Timestamp::EPOCH);
    /// let server = TestServer::start_with_clock(clock.clone(), |builder| builder.task(CountUp));
    /// server.advance(std::time::Duration::from_secs(60));
    /// assert_eq!(clock.now(), server.clock().now());
    /// # }
    /// ```
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn start_with_clock(clock: TestClock, register: impl FnOnce(Builder) -> Builder) -> Self {
        let shared: Arc<dyn longhaul_core::Clock> = Arc::new(clock.clone());
        let store = Arc::new(MemoryStore::new(shared.clone()));
        let builder = Longhaul::builder().shared_store(store.clone()).clock(shared).lease(LEASE);
        let server = register(builder).start().unwrap_or_else(|error| panic!("{error}"));
        Self { server, store, clock }
    }

    /// Enqueues runs, finds them and changes them.
    pub fn client(&self) -> Client {
        self.server.client()
    }

    /// Its services.
    pub fn services(&self) -> Services {
        self.server.services()
    }

    /// Its work in the background.
    pub fn background(&self) -> Background {
        self.server.background()
    }

    /// The store.
    pub fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// The clock.
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Waits until no run is executing and none is due, and all instants of schedules up to now got their runs. Runs that
    /// are due later, suspended or parked stay as they are.
    pub async fn run_until_idle(&self) {
        loop {
            self.schedules_caught_up().await;
            let Some((id, revision)) = self.busy().await else { return };
            // A run that is removed meanwhile is no longer busy either.
            let _ = self.store.changed(id, revision).await;
        }
    }

    async fn schedules_caught_up(&self) {
        self.server.schedules_ready().await;
        loop {
            let told = self.store.schedules(0).await.expect("the memory store answers");
            let now = longhaul_core::Clock::now(&self.clock);
            let mut behind = false;
            for row in &told.changed {
                behind |= is_behind(&*self.store, row, now).await.expect("the memory store answers");
            }
            if !behind {
                return;
            }
            // What changed since it was told is told at once.
            let _ = self.store.schedules(told.position).await;
        }
    }

    /// Runs of `T` that are not final, in the order in which they were enqueued.
    pub async fn enqueued<T: TaskDefinition>(&self) -> Vec<Found<T>> {
        let live = StateKind::ALL.into_iter().filter(|state| !state.is_final());
        let find = live.fold(self.client().find::<T>(), crate::Find::state);
        find.all().await.expect("the memory store answers")
    }

    /// Ends the server in good order.
    pub async fn shutdown(self) {
        self.server.shutdown(Duration::from_secs(5)).await;
    }

    async fn busy(&self) -> Option<(longhaul_core::RunId, u64)> {
        let states = vec![StateKind::Pending, StateKind::Running, StateKind::Retrying, StateKind::Suspended];
        let mut request =
            PageRequest { filter: Filter { states, ..Filter::default() }, limit: PAGE_MAX, ..PageRequest::default() };
        loop {
            let page = self.store.list(request.clone()).await.expect("the memory store answers");
            let now = longhaul_core::Clock::now(&self.clock);
            let busy = page.runs.iter().find(|found| {
                let state = &found.run.state;
                state.kind() == StateKind::Running || state.due().is_some_and(|due| due <= now)
            });
            if let Some(found) = busy {
                return Some((found.run.id, found.run.revision));
            }
            request.after = Some(page.next?);
        }
    }
}
