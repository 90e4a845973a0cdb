//! The check against the model finds what it is there to find.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use longhaul_core::{StateKind, Store, Timestamp};
use longhaul_testkit::{
    MemoryStore, TestClock,
    conformance::Subject,
    model::{self, Op},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};

/// A store that is the model, or one that sleeps through a crash.
struct Memory {
    clock: TestClock,
    store: Arc<MemoryStore>,
    notices_crashes: bool,
}

#[async_trait]
impl Subject for Memory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    async fn crash_and_reopen(&mut self) {
        if self.notices_crashes {
            self.store.crash_and_reopen();
        }
    }
}

fn memory(notices_crashes: bool) -> Memory {
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    Memory { store: Arc::new(MemoryStore::new(Arc::new(clock.clone()))), clock, notices_crashes }
}

/// The same lists each time.
fn sample(lists: usize, length: usize) -> Vec<Vec<Op>> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let strategy = model::ops(length);
    (0..lists).map(|_| strategy.new_tree(&mut runner).expect("operations").current()).collect()
}

proptest! {
    #[test]
    fn the_model_does_what_the_model_does(ops in model::ops(60)) {
        model::check(async || memory(true), &ops);
    }
}

#[test]
fn random_operations_lead_to_every_state() {
    let ends = sample(100, 80).into_iter().flat_map(|ops| model::check(async || memory(true), &ops));
    let states: BTreeSet<_> = ends.map(|snapshot| snapshot.run.state.kind()).collect();
    assert_eq!(states, StateKind::ALL.into_iter().collect());
}

#[test]
#[should_panic(expected = "   found: ")]
fn a_store_that_sleeps_through_a_crash_is_found_out() {
    for ops in sample(100, 40) {
        model::check(async || memory(false), &ops);
    }
}

#[test]
fn random_operations_lead_to_every_end_of_a_wait_for_other_runs() {
    let ends = sample(300, 80).into_iter().flat_map(|ops| model::check(async || memory(true), &ops));
    let whys: Vec<String> =
        ends.flat_map(|snapshot| snapshot.history.entries).filter_map(|entry| entry.why.map(String::from)).collect();
    let all = [
        "all of its children are final: ",
        "a child is final: ",
        "all runs that it waited for are final",
        "which it was to come after, is cancelled",
        "which it was to come after, is not there",
        "was cancelled",
        "it is cancelled once its children are final",
        "all runs of its batch are final: ",
        "all runs of its batch completed: ",
    ];
    let missing: Vec<_> = all.iter().filter(|expected| !whys.iter().any(|why| why.contains(**expected))).collect();
    assert!(missing.is_empty(), "no run has {missing:?}");
}
