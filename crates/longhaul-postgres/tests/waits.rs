//! Calls that wait: what they cost the database, and who tells them.

mod common;

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use common::{Postgres, postgres, url};
use longhaul_core::{
    Clock, NewRun, Timestamp,
    clock::OnJump,
    run::Due,
    store::{ClaimRequest, EndedCursor, EndedRequest, ServerBeat, prelude::*},
};
use longhaul_postgres::{Options, PostgresStore};
use longhaul_testkit::fixture::{new_run, run_id, server_id, support};
use tokio::task::{JoinHandle, JoinSet};

/// Another handle, which hears of others or not.
async fn connect(postgres: &Postgres, poll: Duration, listen: bool) -> PostgresStore {
    connect_by(Arc::new(postgres.clock.clone()), postgres, poll, listen).await
}

/// The same, by another clock.
async fn connect_by(clock: Arc<dyn Clock>, postgres: &Postgres, poll: Duration, listen: bool) -> PostgresStore {
    let options = Options::default().schema(&postgres.schema.0).poll(poll).listen(listen);
    let url = format!("{} application_name={}", url(), postgres.schema.0);
    PostgresStore::connect_with(&url, options.clock(clock)).await.expect("it is there")
}

/// A clock on which it is a millisecond later whenever somebody has looked at it.
#[derive(Debug)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1000, Ordering::AcqRel))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn wait_for(&self, _: Timestamp) -> Option<Duration> {
        Some(Duration::from_millis(1))
    }

    fn on_jump(&self, _: Weak<OnJump>) {}
}

async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn all_calls_that_wait_share_one_question_to_the_database() {
    let postgres = postgres().await;
    let (store, now) = (connect(&postgres, Duration::from_millis(20), false).await, postgres.now());
    let server = server_id(now, 1);
    store.heartbeat(ServerBeat::new(server, "one", Duration::from_secs(60))).await.expect("it lives");
    store.insert((0..10).map(|n| new_run(now, "other", n)).collect()).await.expect("it works");
    let position = store.schedules(0).await.expect("it works").position;
    let mut waiting = JoinSet::new();
    let wait = |store: &PostgresStore| store.clone();
    let claims = wait(&store);
    waiting.spawn(async move {
        let request = ClaimRequest::new(server, [support("plain", 1)].into(), 5);
        claims.claim(ClaimRequest { wait: true, ..request }).await.map(drop).expect("it works");
    });
    let stops = wait(&store);
    waiting.spawn(async move { stops.stop_requests(server, 0).await.map(drop).expect("it works") });
    let schedules = wait(&store);
    waiting.spawn(async move { schedules.schedules(position).await.map(drop).expect("it works") });
    let ends = wait(&store);
    let ended = EndedRequest { after: EndedCursor::START, limit: 10, wait: true };
    waiting.spawn(async move { ends.ended(ended).await.map(drop).expect("it works") });
    for n in 0..10 {
        let watches = wait(&store);
        waiting.spawn(async move { watches.changed(run_id(now, n), 1_000).await.map(drop).expect("it works") });
    }
    // All of them have looked once when nothing but polls is sent.
    let mut before = (0, 0);
    loop {
        let polls = store.polls();
        until(|| store.polls() >= polls + 5).await;
        let after = (store.polls(), store.round_trips());
        if after.0 > 20 && after.1 - before.1 == after.0 - before.0 {
            break;
        }
        assert!(after.0 < 200, "{} polls, {} round trips", after.0, after.1);
        before = after;
    }
    assert!(waiting.try_join_next().is_none(), "nothing came that anyone waits for");
}

/// A claim that waits until there is something for it; answers how many runs it got.
fn waiting_claim(store: &PostgresStore, request: ClaimRequest) -> JoinHandle<usize> {
    let (store, request) = (store.clone(), ClaimRequest { wait: true, ..request });
    tokio::spawn(async move { store.claim(request).await.expect("it works").len() })
}

#[tokio::test]
async fn a_run_that_another_handle_enqueues_is_claimed_at_once_because_it_rings() {
    let postgres = postgres().await;
    // It never looks by itself.
    let never = Duration::from_secs(100_000);
    let (one, other) = (connect(&postgres, never, true).await, connect(&postgres, never, true).await);
    let now = postgres.now();
    until(|| one.hears() && other.hears()).await;
    let request = ClaimRequest::new(server_id(now, 1), [support("plain", 1)].into(), 1);
    let claim = waiting_claim(&one, request);
    until(|| one.polls() > 0).await;
    other.insert(vec![new_run(now, "plain", 1)]).await.expect("it works")[0].as_ref().expect("it is new");
    assert_eq!(claim.await.expect("no panic"), 1);
}

#[tokio::test]
async fn a_claim_that_hears_of_new_runs_of_its_lane_looks_without_a_poll_before() {
    let postgres = postgres().await;
    // It never looks by itself.
    let never = Duration::from_secs(100_000);
    let (one, other) = (connect(&postgres, never, true).await, connect(&postgres, never, true).await);
    let now = postgres.now();
    until(|| one.hears() && other.hears()).await;
    let request = ClaimRequest::new(server_id(now, 1), [support("plain", 1)].into(), 1);
    // The lane is made, and known to both.
    other.insert(vec![new_run(now, "plain", 1)]).await.expect("it works")[0].as_ref().expect("it is new");
    assert_eq!(one.claim(request.clone()).await.expect("it works").len(), 1);
    let claim = waiting_claim(&one, request);
    // It looks when a call begins to wait, and once more because the doorbell was connected.
    until(|| one.polls() >= 2).await;
    let polls = one.polls();
    other.insert(vec![new_run(now, "plain", 2)]).await.expect("it works")[0].as_ref().expect("it is new");
    assert_eq!(claim.await.expect("no panic"), 1);
    assert_eq!(one.polls(), polls, "it was told of the lane");
}

#[tokio::test]
async fn a_run_that_becomes_due_while_a_claim_looks_is_claimed_without_a_poll() {
    let postgres = postgres().await;
    let clock = Arc::new(Ticking(AtomicI64::new(postgres.now().as_micros())));
    // It never looks by itself.
    let store = connect_by(clock.clone(), &postgres, Duration::from_secs(100_000), true).await;
    until(|| store.hears()).await;
    let request = ClaimRequest::new(server_id(postgres.now(), 1), [support("plain", 1)].into(), 1);
    // Some of them are due between the look of the claim and its question when the next one is due.
    for ahead in 1..=40 {
        let before = clock.now();
        let claim = waiting_claim(&store, request.clone());
        // It looks.
        until(|| clock.0.load(Ordering::Acquire) > before.as_micros() + 1000).await;
        let now = clock.now();
        let due = Some(Due::At(now.after(Duration::from_millis(ahead))));
        let run = NewRun { due, ..new_run(now, "plain", ahead) };
        store.insert(vec![run]).await.expect("it works")[0].as_ref().expect("it is new");
        assert_eq!(claim.await.expect("no panic"), 1, "due {ahead} ms ahead");
    }
}

#[tokio::test]
async fn a_run_that_another_handle_enqueues_is_found_by_polling_when_nobody_rings() {
    let postgres = postgres().await;
    let poll = Duration::from_millis(20);
    let (one, other) = (connect(&postgres, poll, false).await, connect(&postgres, poll, false).await);
    let now = postgres.now();
    let request = ClaimRequest::new(server_id(now, 1), [support("plain", 1)].into(), 1);
    let claim = waiting_claim(&one, request);
    until(|| one.polls() > 3).await;
    other.insert(vec![new_run(now, "plain", 1)]).await.expect("it works")[0].as_ref().expect("it is new");
    assert_eq!(claim.await.expect("no panic"), 1);
    assert!(!one.hears());
}
