//! The rules that every store keeps, each as a test.
//!
//! A store's own tests are one line, [`conformance!`](crate::conformance!), and a [`Subject`]:
//!
//! ```
//! use async_trait::async_trait;
//! use longhaul_core::{Store, Timestamp};
//! use longhaul_testkit::{MemoryStore, TestClock, conformance::Subject};
//! use std::sync::Arc;
//!
//! struct Memory { clock: TestClock, store: Arc<MemoryStore> }
//!
//! #[async_trait]
//! impl Subject for Memory {
//!     fn store(&self) -> Arc<dyn Store> {
//!         self.store.clone()
//!     }
//!     fn clock(&self) -> TestClock {
//!         self.clock.clone()
//!     }
//!     fn another(&self) -> Option<Arc<dyn Store>> {
//!         Some(self.store.clone())
//!     }
//!     async fn crash_and_reopen(&mut self) {
//!         self.store.crash_and_reopen();
//!     }
//! }
//!
//! async fn memory() -> Memory {
//!     let clock = TestClock::starting_at(Timestamp::EPOCH);
//!     Memory { store: Arc::new(MemoryStore::new(Arc::new(clock.clone()))), clock }
//! }
//!
//! longhaul_testkit::conformance!(memory);
//! # fn main() {}
//! ```

#![expect(missing_docs, reason = "the name of a rule is its sentence")]

pub mod ageing;
pub mod apart;
pub mod batch;
pub mod cancel;
pub mod checkpoint;
pub mod claim;
pub mod closing;
pub mod copy;
pub mod crash;
pub mod deadline;
pub mod delete;
pub mod ended;
pub mod expiry;
pub mod explain;
pub mod fairness;
pub mod family;
pub mod family_cancel;
pub mod fence;
pub mod inbox;
pub mod insert;
pub mod inspect;
pub mod isolation;
pub mod kinds;
pub mod limits;
pub mod log;
pub mod order;
pub mod pause;
pub mod proceed;
pub mod query;
pub mod release_incompatible;
pub mod retry;
pub mod run_now;
pub mod schedules;
pub mod server;
pub mod settle;
pub mod signal;
pub mod stop_requests;
pub mod sweep;
pub mod unique;
pub mod update;
pub mod values;
pub mod waiting;

mod rules;
mod scene;

use std::sync::Arc;

use async_trait::async_trait;
use longhaul_core::{Store, store::CopyStore};

pub use self::scene::Scene;
use crate::{TestClock, clock};

/// A store to be tested, empty at first.
#[async_trait]
pub trait Subject: Send {
    /// The store as it is open now.
    fn store(&self) -> Arc<dyn Store>;

    /// The clock that the store goes by, whatever it is that tells it the time: rules move it, forward and back. The fixture
    /// of a database sees to it that its statements take "now" from this clock, and that those who wait are called when it
    /// [jumps](longhaul_core::Clock::on_jump).
    fn clock(&self) -> TestClock;

    /// A second handle on the same store, as another server would have it, with nothing in memory that both know; `None`
    /// where a store has one handle at a time. The rules in [`apart`] are played with it.
    fn another(&self) -> Option<Arc<dyn Store>> {
        None
    }

    /// The store as one that can be copied, if it can.
    fn copies(&self) -> Option<Arc<dyn CopyStore>> {
        None
    }

    /// As if the process that has the store open had died, and another opened the store: nothing is said to the store
    /// that dies, and calls that wait on it need not be answered. [`store`](Self::store) is the new one then.
    async fn crash_and_reopen(&mut self);
}

/// Plays one rule on a fresh store; [`conformance!`](crate::conformance!) makes a test of each.
///
/// A call that is never answered fails the rule after a minute.
pub fn check<S: Subject + 'static>(make: impl AsyncFnOnce() -> S, rule: impl AsyncFnOnce(Scene)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime for the test");
    runtime.block_on(clock::within_minutes(async {
        let subject = make().await;
        rule(Scene::new(Box::new(subject)).await).await;
    }));
}
