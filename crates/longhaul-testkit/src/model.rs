//! Random operations, crashes and moves of the clock, applied to a store and to the plain model side by side.
//!
//! ```
//! use longhaul_testkit::model;
//! use proptest::prelude::*;
//! # use async_trait::async_trait;
//! # use longhaul_core::{Store, Timestamp};
//! # use longhaul_testkit::{MemoryStore, TestClock, conformance::Subject};
//! # use std::sync::Arc;
//! # struct Memory { clock: TestClock, store: Arc<MemoryStore> }
//! # #[async_trait]
//! # impl Subject for Memory {
//! #     fn store(&self) -> Arc<dyn Store> { self.store.clone() }
//! #     fn clock(&self) -> TestClock { self.clock.clone() }
//! #     async fn crash_and_reopen(&mut self) { self.store.crash_and_reopen() }
//! # }
//! # async fn my_store() -> Memory {
//! #     let clock = TestClock::starting_at(Timestamp::EPOCH);
//! #     Memory { store: Arc::new(MemoryStore::new(Arc::new(clock.clone()))), clock }
//! # }
//!
//! proptest! {
//!     #[test]
//!     fn my_store_does_what_the_model_does(ops in model::ops(40)) {
//!         model::check(my_store, &ops);
//!     }
//! }
//! ```

#![expect(clippy::test_attr_in_doctest, reason = "the example shows a test of a store; tests/model.rs plays one")]

mod compare;
mod crowded;
mod family;
mod op;
mod relation;
mod world;

use longhaul_core::Snapshot;

use self::world::World;
pub use self::{
    crowded::crowded,
    op::{Constraints, Controlling, End, Op, Size, UpdateOp, ops},
    relation::{Awaited, Prerequisite},
};
use crate::{clock, conformance::Subject};

/// Applies `ops` to a fresh store and to a [`MemoryStore`](crate::MemoryStore) with the same clock, and compares each
/// answer, and what is in both after each crash and at the end. Gives back what is in them then.
///
/// Panics at the first difference, with the operation that showed it. Not compared is what a store may say in its own
/// words: revisions, the seq of an attempt that ended, the evidence of a crash, and whether a late ending is `Already` or
/// `EpochLost`.
pub async fn check_against_model(subject: &mut dyn Subject, ops: &[Op]) -> Vec<Snapshot> {
    let mut world = World::new(subject).await;
    for (step, op) in ops.iter().enumerate() {
        world.step(step, op).await;
    }
    world.compare_all("at the end").await
}

/// [`check_against_model`] on a runtime of its own. A call that is never answered fails it after a minute.
pub fn check<S: Subject>(make: impl AsyncFnOnce() -> S, ops: &[Op]) -> Vec<Snapshot> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime for the test");
    runtime.block_on(clock::within_minutes(async { check_against_model(&mut make().await, ops).await }))
}
