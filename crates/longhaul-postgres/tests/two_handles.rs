//! Two handles on one store, as two servers have them: what one does holds for the other.

mod common;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Postgres, client, options, postgres, url};
use longhaul_core::{
    Actor, AfterFailure, ControlChange, Inserted, Key, Limits, NewRun, OnConflict, Ordered, Queue, Rate, RunId,
    ScheduleName, Scope, StateKind, Unique, UniqueScope,
    constraints::Constraints,
    store::{
        Checkpoint, CheckpointError, ClaimRequest, Claimed, EndedCursor, EndedRequest, Filter, ScheduleChange,
        ScheduleChangeError, ServerBeat, SettleError, Settlement, prelude::*,
    },
};
use longhaul_postgres::{ConnectError, PostgresStore};
use longhaul_testkit::fixture::{completed, new_run, server_id, support, value};

/// Two handles, and a server that lives in each.
struct Two {
    postgres: Postgres,
    stores: [PostgresStore; 2],
}

impl Two {
    async fn new() -> Self {
        let postgres = postgres().await;
        let other = Postgres::connect(&postgres.schema.0, &postgres.clock).await;
        let stores = [postgres.store.clone(), other];
        for (nth, store) in stores.iter().enumerate() {
            let server = server_id(postgres.now(), nth as u64);
            store.heartbeat(ServerBeat::new(server, "one of two", Duration::from_secs(60))).await.expect("it lives");
        }
        Self { postgres, stores }
    }

    fn request(&self, nth: usize, max: usize) -> ClaimRequest {
        ClaimRequest::new(server_id(self.postgres.now(), nth as u64), [support("plain", 1)].into(), max)
    }

    async fn claim(&self, nth: usize, max: usize) -> Vec<Claimed> {
        self.stores[nth].claim(self.request(nth, max)).await.expect("the store works")
    }

    async fn insert(&self, count: u64) {
        let runs = (100..100 + count).map(|n| new_run(self.postgres.now(), "plain", n)).collect();
        self.stores[0].insert(runs).await.expect("the store works");
    }

    async fn limit(&self, limits: Limits) {
        let scope = Scope::Queue(Queue::default());
        self.stores[0].control(scope, ControlChange::Set(Some(limits))).await.expect("the store works");
    }

    async fn end(&self, nth: usize, claimed: &Claimed) -> Result<(), SettleError> {
        let (id, epoch, ending) = (claimed.run.id, claimed.run.epoch, completed(1));
        let one = Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None };
        self.stores[nth].settle(vec![one]).await.expect("the store works").remove(0).map(drop)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn claims_never_share_a_run_and_never_exceed_a_limit() {
    let two = Arc::new(Two::new().await);
    two.limit(Limits { running: Some(5), ..Limits::NONE }).await;
    two.insert(100).await;
    let executes = |nth: usize| {
        let two = Arc::clone(&two);
        tokio::spawn(async move {
            let mut done = Vec::new();
            while two.stores[0]
                .count(Filter { states: vec![StateKind::Pending], ..Filter::default() })
                .await
                .expect("it works")
                > 0
            {
                let claimed = two.claim(nth, 4).await;
                let running = Filter { states: vec![StateKind::Running], ..Filter::default() };
                let running = two.stores[nth].count(running).await.expect("it works");
                assert!(running <= 5, "{running} run");
                for claimed in claimed {
                    two.end(nth, &claimed).await.expect("it holds the run");
                    done.push(claimed.run.id);
                }
            }
            done
        })
    };
    let (one, other) = (executes(0), executes(1));
    let (one, other): (Vec<RunId>, Vec<RunId>) = (one.await.expect("no panic"), other.await.expect("no panic"));
    let all: HashSet<_> = one.iter().chain(&other).collect();
    assert_eq!((all.len(), one.len() + other.len()), (100, 100));
}

#[tokio::test]
async fn a_rate_holds_for_both() {
    let two = Two::new().await;
    let rate = Rate::new(3, Duration::from_secs(60)).expect("a rate");
    two.limit(Limits { rate: Some(rate), ..Limits::NONE }).await;
    two.insert(10).await;
    assert_eq!((two.claim(0, 2).await.len(), two.claim(1, 2).await.len(), two.claim(0, 2).await.len()), (2, 1, 0));
    two.postgres.clock.advance(Duration::from_secs(61));
    assert_eq!(two.claim(1, 9).await.len(), 3);
}

#[tokio::test]
async fn a_waiting_claim_hears_of_a_run_and_of_a_control_of_the_other() {
    let two = Two::new().await;
    two.limit(Limits { running: Some(0), ..Limits::NONE }).await;
    let waiting = tokio::spawn({
        let (store, request) = (two.stores[1].clone(), ClaimRequest { wait: true, ..two.request(1, 1) });
        async move { store.claim(request).await.expect("the store works") }
    });
    two.insert(1).await;
    assert!(two.claim(0, 1).await.is_empty(), "none may run");
    two.limit(Limits::NONE).await;
    assert_eq!(waiting.await.expect("no panic").len(), 1);
}

#[tokio::test]
async fn a_stop_request_a_change_a_schedule_and_an_end_reach_the_other() {
    let two = Two::new().await;
    two.insert(1).await;
    let claimed = two.claim(1, 1).await.remove(0);
    let id = claimed.run.id;
    let server = server_id(two.postgres.now(), 1);
    let [one, other] = two.stores.clone();
    let told = tokio::spawn({
        let other = other.clone();
        async move { other.stop_requests(server, 0).await }
    });
    let changed = tokio::spawn({
        let other = other.clone();
        let seen = claimed.run.revision;
        async move { other.changed(id, seen).await }
    });
    let seen = other.schedules(0).await.expect("it works").position;
    let scheduled = tokio::spawn({
        let other = other.clone();
        async move { other.schedules(seen).await }
    });
    let request = EndedRequest { after: EndedCursor::START, limit: 1, wait: true };
    let ended = tokio::spawn({
        let one = one.clone();
        async move { one.ended(request).await }
    });

    one.cancel(id, None, Actor::UNKNOWN).await.expect("it runs");
    assert_eq!(told.await.expect("no panic").expect("it works").stop_requests[0].id, id);
    assert!(changed.await.expect("no panic").expect("it works").run.request.is_some());
    let name = ScheduleName::new("nightly").expect("a name");
    let change = ScheduleChange { name, seen: None, value: Some([1].into()), runs: vec![] };
    one.schedule(change.clone()).await.expect("it is new");
    assert_eq!(scheduled.await.expect("no panic").expect("it works").changed.len(), 1);
    assert!(matches!(other.schedule(change).await, Err(ScheduleChangeError::Conflict { .. })));
    // The attempt's own handle has a copy of the run that knows nothing of the request.
    two.end(1, &claimed).await.expect("it holds the run");
    assert_eq!(ended.await.expect("no panic").expect("it works").runs[0].id, id);
}

#[tokio::test]
async fn an_attempt_whose_server_was_declared_dead_elsewhere_writes_nothing() {
    let two = Two::new().await;
    two.insert(1).await;
    let lost = two.claim(1, 1).await.remove(0);
    two.postgres.clock.advance(Duration::from_secs(61));
    // Both find it: it is taken away once.
    let (one, other) = tokio::join!(two.stores[0].expire(), two.stores[1].expire());
    assert_eq!(one.expect("it works") + other.expect("it works"), 1);
    let server = server_id(two.postgres.now(), 7);
    let again = two.stores[0].claim(ClaimRequest::new(server, [support("plain", 1)].into(), 1)).await;
    assert_eq!(again.expect("it works")[0].run.id, lost.run.id);
    let (id, epoch) = (lost.run.id, lost.run.epoch);
    let old = Checkpoint { id, epoch, seq: 1, execution_metadata: Some(value(1)), taken: Vec::new(), progress: None };
    let kept = two.stores[1].checkpoint(vec![old]).await.expect("it works").remove(0);
    assert_eq!(kept, Err(CheckpointError::EpochLost { id, epoch }));
    assert_eq!(two.end(1, &lost).await, Err(SettleError::EpochLost { id, epoch }));
    assert_eq!(two.stores[0].get(id).await.expect("it is there").execution_metadata, None);
}

#[tokio::test]
async fn a_handle_that_lost_a_claim_leaves_those_alone_that_were_made_with_the_next_one() {
    let two = Two::new().await;
    two.insert(2).await;
    let lost = two.claim(1, 1).await.remove(0);
    two.postgres.clock.advance(Duration::from_secs(61));
    assert_eq!(two.stores[0].expire().await, Ok(1));
    let next = server_id(two.postgres.now(), 7);
    two.stores[0].heartbeat(ServerBeat::new(next, "the next", Duration::from_secs(60))).await.expect("it lives");
    let request = ClaimRequest::new(next, [support("plain", 1)].into(), 2);
    let claimed = two.stores[0].claim(request).await.expect("the store works");
    assert_eq!(claimed.len(), 2);

    // Whoever lost the run tries to write to it: while it is executed again, and when it has ended.
    let late = || async { assert!(matches!(two.end(1, &lost).await, Err(SettleError::EpochLost { .. }))) };
    late().await;
    let again = claimed.iter().find(|one| one.run.id == lost.run.id).expect("it was claimed again");
    two.end(0, again).await.expect("it holds the run");
    late().await;
    late().await;

    // The other run of that claim is still known to execute.
    two.postgres.clock.advance(Duration::from_secs(61));
    assert_eq!(two.stores[0].expire().await, Ok(1));
}

#[tokio::test]
async fn a_batch_is_written_whole_though_the_other_handle_has_changed_one_of_its_runs() {
    let two = Two::new().await;
    two.insert(3).await;
    let claimed = two.claim(0, 3).await;
    assert_eq!(claimed.len(), 3);
    // The copy of this run that the first handle has is behind now.
    two.stores[1].cancel(claimed[1].run.id, None, Actor::UNKNOWN).await.expect("it runs");
    let checkpoint = |claimed: &Claimed| {
        let (id, epoch, value) = (claimed.run.id, claimed.run.epoch, value(7));
        Checkpoint { id, epoch, seq: 1, execution_metadata: Some(value), taken: Vec::new(), progress: None }
    };
    let kept = two.stores[0].checkpoint(claimed.iter().map(checkpoint).collect()).await.expect("the store works");
    let requests: Vec<bool> = kept.iter().map(|kept| kept.as_ref().expect("it runs").request.is_some()).collect();
    assert_eq!(requests, [false, true, false]);
    for claimed in &claimed {
        let run = two.stores[1].get(claimed.run.id).await.expect("it is there");
        assert_eq!(run.execution_metadata, Some(value(7)));
    }
}

#[tokio::test]
async fn of_two_that_take_one_unique_key_at_once_one_has_it() {
    let two = Two::new().await;
    for round in 0..20_u64 {
        let unique = Unique {
            key: Key::new(&format!("round {round}")).expect("a key"),
            scope: UniqueScope::NotFinal,
            on_conflict: OnConflict::Return,
        };
        let run = |n: u64| {
            let mut constraints = Constraints::none().clone();
            constraints.unique = Some(unique.clone());
            let mut new = new_run(two.postgres.now(), "plain", round * 2 + n);
            new.constraints = Some(constraints.into());
            vec![new]
        };
        let (one, other) = tokio::join!(two.stores[0].insert(run(0)), two.stores[1].insert(run(1)));
        let answers = [one.expect("it works").remove(0), other.expect("it works").remove(0)];
        assert_eq!(answers.iter().filter(|answer| **answer == Ok(Inserted::New)).count(), 1, "{answers:?}");
    }
}

#[tokio::test]
async fn runs_of_one_order_key_never_run_beside_each_other_whoever_inserts_ends_and_cancels_them() {
    const RUNS: u64 = 24;
    let two = Two::new().await;
    let ordered = Some(Ordered { key: Key::new("a").expect("a key"), after_failure: AfterFailure::Stop });
    let constraints = Constraints { ordered, ..Constraints::none().clone() };
    let ids: Vec<RunId> = (0..RUNS).map(|n| new_run(two.postgres.now(), "plain", n).id).collect();
    let insert = async |nth: usize| {
        for n in (0..RUNS).filter(|n| n % 2 == nth as u64) {
            let constraints = Some(constraints.clone().into());
            let new = NewRun { constraints, ..new_run(two.postgres.now(), "plain", n) };
            two.stores[nth].insert(vec![new]).await.expect("it works")[0].clone().expect("it is new");
        }
    };
    // Every fourth is called off, wherever it stands.
    let cancel = async || {
        for id in ids.iter().step_by(4) {
            while two.stores[0].get(*id).await.is_err() {
                tokio::task::yield_now().await;
            }
            _ = two.stores[1].cancel(*id, None, Actor::UNKNOWN).await;
        }
    };
    let running = AtomicUsize::new(0);
    let work = async |nth: usize| {
        let finals = || Filter {
            states: StateKind::ALL.into_iter().filter(|state| state.is_final()).collect(),
            ..Filter::default()
        };
        while two.stores[nth].count(finals()).await.expect("it works") < RUNS {
            for claimed in two.claim(nth, 5).await {
                assert_eq!(running.fetch_add(1, Ordering::AcqRel), 0, "another one of the key is running");
                tokio::task::yield_now().await;
                running.fetch_sub(1, Ordering::AcqRel);
                two.end(nth, &claimed).await.expect("it runs");
            }
        }
    };
    tokio::join!(insert(0), insert(1), work(0), work(1), cancel());
    let schema = &two.postgres.schema.0;
    let left = format!("SELECT (SELECT count(*) FROM {schema}.turn) + (SELECT count(*) FROM {schema}.turn_key)");
    let left: i64 = client().await.query_one(&left, &[]).await.expect("it works").get(0);
    assert_eq!(left, 0, "nothing is left of a key that no run has");
}

#[tokio::test]
async fn ten_that_connect_at_once_make_the_tables_once() {
    let schema = "two_handles_migrate";
    client().await.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await.expect("it works");
    let connecting: Vec<_> = (0..10)
        .map(|_| {
            tokio::spawn(async move {
                let options = options(schema).connections(2);
                PostgresStore::connect_with(&url(), options).await
            })
        })
        .collect();
    for connected in connecting {
        let store = connected.await.expect("no panic").expect("each connects");
        assert_eq!(store.count(Filter::default()).await, Ok(0));
        store.close().await;
    }
}

#[tokio::test]
async fn a_schema_that_a_newer_release_has_changed_is_refused_and_says_what_to_do() {
    let schema = "two_handles_newer";
    let client = client().await;
    client.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await.expect("it works");
    let connect = async || PostgresStore::connect_with(&url(), options(schema)).await;
    connect().await.expect("it is new").close().await;
    client.batch_execute(&format!("INSERT INTO {schema}.migration VALUES (999)")).await.expect("it works");
    let refused = connect().await.map(drop).expect_err("it is newer");
    assert!(matches!(&refused, ConnectError::NewerSchema { schema: s, found: 999, .. } if s == schema), "{refused:?}");
    assert!(refused.to_string().contains("Use a release of longhaul-postgres that is at least as new"), "{refused}");
}

#[tokio::test]
async fn what_a_server_claimed_that_never_said_that_it_lives_is_taken_away() {
    let two = Two::new().await;
    two.insert(1).await;
    let silent = ClaimRequest { server: server_id(two.postgres.now(), 7), ..two.request(0, 1) };
    let claimed = two.stores[0].claim(silent).await.expect("the store works");
    assert_eq!(claimed.len(), 1);
    let expire = async || two.stores[1].expire().await.expect("the store works");
    assert_eq!(expire().await, 0, "it may still say so");
    two.postgres.clock.advance(Duration::from_secs(14));
    assert_eq!(expire().await, 0, "it may still say so");
    two.postgres.clock.advance(Duration::from_secs(1));
    assert_eq!(expire().await, 1);
    assert_eq!(two.claim(1, 1).await[0].run.id, claimed[0].run.id);
}
