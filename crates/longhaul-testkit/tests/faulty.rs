//! A faulty store does what it is told, and nothing else.

use longhaul_core::store::prelude::*;
use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Waker},
};

use async_trait::async_trait;
use longhaul_core::{
    StoreError, Timestamp,
    store::{Filter, InsertError, PageRequest},
};
use longhaul_testkit::{
    Call, FaultPoint, FaultyStore, Made, MemoryStore, TestClock, conformance::Subject, fixture::new_run,
};

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn faulty() -> FaultyStore {
    FaultyStore::new(Arc::new(MemoryStore::new(Arc::new(TestClock::starting_at(START)))))
}

fn unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable { .. }))
}

#[tokio::test]
async fn the_nth_call_fails_before_or_after_it_took_effect_and_those_that_follow_fail() {
    for (when, kept) in [(FaultPoint::BeforeEffect, 1), (FaultPoint::AfterEffect, 2)] {
        let store = faulty();
        store.cut_after(2, when);
        let insert = async |n| store.insert(vec![new_run(START, "demo", n)]).await;
        assert_eq!(insert(1).await, Ok(vec![Ok(longhaul_core::Inserted::New)]));
        assert!(unavailable(&insert(2).await));
        assert!(unavailable(&insert(3).await));
        assert!(unavailable(&store.count(Filter::default()).await));
        store.mend();
        assert_eq!(store.count(Filter::default()).await, Ok(kept), "{when:?}");
    }
}

#[tokio::test]
async fn a_call_whose_answer_is_lost_can_be_repeated() {
    let store = faulty();
    store.fail_next(Call::Insert, FaultPoint::AfterEffect, StoreError::Closed);
    let new = new_run(START, "demo", 1);
    assert_eq!(store.insert(vec![new.clone()]).await, Err(StoreError::Closed));
    assert_eq!(store.insert(vec![new.clone()]).await, Ok(vec![Err(InsertError::Duplicate(new.id))]));
}

#[tokio::test]
async fn a_damaged_run_is_shown_as_such_until_it_is_mended() {
    let store = faulty();
    let runs = [new_run(START, "demo", 1), new_run(START, "demo", 2)];
    store.insert(runs.to_vec()).await.unwrap();
    store.damage(runs[0].id);
    let request = PageRequest { limit: 10, ..PageRequest::default() };
    let page = store.list(request.clone()).await.unwrap();
    assert_eq!((page.runs.len(), page.damaged[0].id), (1, runs[0].id));
    store.mend();
    let page = store.list(request).await.unwrap();
    assert_eq!((page.runs.len(), page.damaged.len()), (2, 0));
}

#[tokio::test]
async fn a_fault_hits_the_call_that_it_was_made_for_and_in_order() {
    let store = faulty();
    store.fail_next(Call::Expire, FaultPoint::BeforeEffect, StoreError::Closed);
    store.fail_next(Call::Expire, FaultPoint::BeforeEffect, StoreError::Unavailable { reason: "again".into() });
    assert_eq!(store.count(Filter::default()).await, Ok(0));
    assert_eq!(store.expire().await, Err(StoreError::Closed));
    assert!(unavailable(&store.expire().await));
    assert_eq!(store.expire().await, Ok(0));
}

#[tokio::test]
async fn a_call_that_hangs_is_never_answered_and_may_have_taken_effect() {
    for (when, kept) in [(FaultPoint::BeforeEffect, 0), (FaultPoint::AfterEffect, 1)] {
        let store = faulty();
        store.hang_next(Call::Insert, when);
        {
            let mut hanging = pin!(store.insert(vec![new_run(START, "demo", 1)]));
            assert!(hanging.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(store.count(Filter::default()).await, Ok(kept), "{when:?}");
    }
}

#[tokio::test]
async fn calls_are_counted_and_can_be_waited_for() {
    let store = faulty();
    let waiter = tokio::spawn({
        let store = store.clone();
        async move { store.called(Call::Delete, 2).await }
    });
    let id = new_run(START, "demo", 1).id;
    store.delete(id).await.expect_err("it never was");
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    store.delete(id).await.expect_err("it never was");
    waiter.await.expect("it was called twice");
    assert_eq!(store.calls(), vec![Made { call: Call::Delete, runs: vec![id] }; 2]);
    assert_eq!(store.count_of(Call::Get), 0);
}

struct Passing {
    clock: TestClock,
    inner: Arc<MemoryStore>,
}

#[async_trait]
impl Subject for Passing {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(FaultyStore::new(Arc::clone(&self.inner) as Arc<dyn Store>))
    }

    fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    async fn crash_and_reopen(&mut self) {
        self.inner.crash_and_reopen();
    }
}

async fn passing() -> Passing {
    let clock = TestClock::starting_at(START);
    Passing { inner: Arc::new(MemoryStore::new(Arc::new(clock.clone()))), clock }
}

// Without a fault it is as good as the store inside.
longhaul_testkit::conformance!(passing);
