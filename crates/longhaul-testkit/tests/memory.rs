//! The memory store under a clock that moves by itself.

use longhaul_core::store::prelude::*;
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use longhaul_core::{
    Clock, Ending, Timestamp,
    admission::suspects::WINDOW,
    clock::OnJump,
    run::Due,
    store::{ClaimRequest, Settlement},
};
use longhaul_testkit::{
    MemoryStore,
    fixture::{new_run, server_id, support},
};

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// Nobody moves it: when somebody asks how long to wait for a time, that time has come.
#[derive(Debug)]
struct Obliging(AtomicI64);

impl Clock for Obliging {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.now().since(Timestamp::EPOCH)
    }

    fn wait_for(&self, at: Timestamp) -> Option<Duration> {
        self.0.fetch_max(at.as_micros(), Ordering::Relaxed);
        Some(Duration::ZERO)
    }

    fn on_jump(&self, _wake: Weak<OnJump>) {}
}

fn store() -> (MemoryStore, Arc<Obliging>) {
    let clock = Arc::new(Obliging(AtomicI64::new(START.as_micros())));
    (MemoryStore::new(Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

fn request(wait: bool) -> ClaimRequest {
    ClaimRequest { wait, ..ClaimRequest::new(server_id(START, 1), [support("plain", 1)].into(), 10) }
}

#[tokio::test]
async fn a_waiting_claim_asks_the_clock_for_the_next_run_that_it_can_read() {
    let (store, clock) = store();
    let due = |kind, n, seconds| {
        let due = Some(Due::After(Duration::from_secs(seconds)));
        longhaul_core::NewRun { due, ..new_run(START, kind, n) }
    };
    store.insert(vec![due("unknown", 1, 5), due("plain", 2, 60), due("plain", 3, 30)]).await.expect("the model works");
    let claimed = store.claim(request(true)).await.expect("the model works");
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].run.id, new_run(START, "plain", 3).id);
    assert_eq!(clock.now(), START.after(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_claim_that_waits_for_a_suspect_looks_again_when_its_window_ends() {
    let (store, clock) = store();
    store.insert(vec![new_run(START, "plain", 1), new_run(START, "plain", 2)]).await.expect("the model works");
    for _ in 0..2 {
        let both = ClaimRequest { max: 2, begin: 2, ..request(false) };
        assert_eq!(store.claim(both).await.expect("the model works").len(), 2);
        store.crash_and_reopen();
    }
    let first = store.claim(request(true)).await.expect("the model works");
    let second = store.claim(request(true)).await.expect("the model works");
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].run.id, second[0].run.id);
    assert_eq!(clock.now(), START.after(WINDOW));
}

#[tokio::test]
async fn calls_that_wait_are_told_when_the_store_is_reopened() {
    let (store, _) = store();
    let store = Arc::new(store);
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.claim(request(true)).await }
    });
    tokio::task::yield_now().await;
    store.crash_and_reopen();
    assert_eq!(waiting.await.expect("no panic"), Err(longhaul_core::StoreError::Closed));
    store.insert(vec![new_run(START, "plain", 1)]).await.expect("the model works");
    let claimed = store.claim(request(true)).await.expect("the store is open again");
    let (id, epoch) = (claimed[0].run.id, claimed[0].run.epoch);
    let ending = Ending::Returned;
    let returned = Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None };
    assert!(store.settle(vec![returned]).await.expect("the store is open again")[0].is_ok());
}
