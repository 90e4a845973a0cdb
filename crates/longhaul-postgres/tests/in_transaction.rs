//! What is written in a transaction of the user's.

mod common;

use common::{Postgres, client, postgres};
use longhaul_core::{
    Inserted, Key, OnConflict, StateKind, StoreError, Unique, UniqueScope,
    constraints::Constraints,
    store::{
        Checkpoint, CheckpointError, ClaimRequest, Claimed, Filter, GetError, InsertError, ServerBeat, prelude::*,
    },
};
use longhaul_postgres::TransactionError;
use longhaul_testkit::fixture::{new_run, run_id, server_id, support, value};
use std::time::Duration;

async fn claimed(postgres: &Postgres) -> Claimed {
    let (store, now) = (&postgres.store, postgres.now());
    let server = server_id(now, 1);
    store.heartbeat(ServerBeat::new(server, "one", Duration::from_secs(60))).await.expect("it lives");
    store.insert(vec![new_run(now, "plain", 1)]).await.expect("it works");
    let request = ClaimRequest { begin: 1, ..ClaimRequest::new(server, [support("plain", 1)].into(), 1) };
    store.claim(request).await.expect("it works").remove(0)
}

fn checkpoint(claimed: &Claimed, seq: u32) -> Checkpoint {
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    Checkpoint { id, epoch, seq, execution_metadata: Some(value(seq.into())), taken: Vec::new(), progress: None }
}

#[tokio::test]
async fn a_run_is_there_once_the_transaction_that_enqueued_it_is_committed_and_not_before() {
    let postgres = postgres().await;
    let (store, now) = (&postgres.store, postgres.now());
    let mut user = client().await;

    let tx = user.transaction().await.expect("it begins");
    assert_eq!(store.enqueue_in(&tx, new_run(now, "plain", 1)).await, Ok(Inserted::New));
    assert_eq!(store.get(run_id(now, 1)).await.map(drop), Err(GetError::NotFound(run_id(now, 1))));
    tx.commit().await.expect("it commits");
    assert_eq!(store.get(run_id(now, 1)).await.expect("it is there").run.state.kind(), StateKind::Pending);

    let tx = user.transaction().await.expect("it begins");
    assert_eq!(store.enqueue_in(&tx, new_run(now, "plain", 2)).await, Ok(Inserted::New));
    tx.rollback().await.expect("it rolls back");
    assert!(store.get(run_id(now, 2)).await.is_err(), "it was rolled back");
    assert_eq!(store.count(Filter::default()).await, Ok(1), "the counts are rolled back too");
}

#[tokio::test]
async fn a_refused_run_leaves_the_transaction_as_it_was() {
    let postgres = postgres().await;
    let (store, now) = (&postgres.store, postgres.now());
    let unique = Unique {
        key: Key::new("order 7").expect("a key"),
        scope: UniqueScope::NotFinal,
        on_conflict: OnConflict::Refuse,
    };
    let run = |n| {
        let mut constraints = Constraints::none().clone();
        constraints.unique = Some(unique.clone());
        let mut new = new_run(now, "plain", n);
        new.constraints = Some(constraints.into());
        new
    };
    let mut user = client().await;
    let tx = user.transaction().await.expect("it begins");
    assert_eq!(store.enqueue_in(&tx, run(1)).await, Ok(Inserted::New));
    let refused = store.enqueue_in(&tx, run(2)).await;
    assert!(
        matches!(&refused, Err(TransactionError::Refused(InsertError::Taken { id, .. })) if *id == run_id(now, 1)),
        "{refused:?}"
    );
    tx.commit().await.expect("it goes on");
    assert!(store.get(run_id(now, 1)).await.is_ok());
}

#[tokio::test]
async fn the_statements_of_the_user_are_planned_as_before() {
    let postgres = postgres().await;
    let mut user = client().await;
    let tx = user.transaction().await.expect("it begins");
    tx.batch_execute("SET LOCAL plan_cache_mode = force_custom_plan").await.expect("it works");
    postgres.store.enqueue_in(&tx, new_run(postgres.now(), "plain", 1)).await.expect("it works");
    for (setting, expected) in [("plan_cache_mode", "force_custom_plan"), ("enable_seqscan", "on")] {
        let row = tx.query_one(&format!("SHOW {setting}"), &[]).await.expect("it works");
        assert_eq!(row.get::<_, String>(0), expected, "{setting}");
    }
    let prepared = tx.query_one("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%run%'", &[]).await;
    let prepared: i64 = prepared.expect("it works").get(0);
    assert_eq!(prepared, 1, "only the one that counts them stays on the user's connection");
}

#[tokio::test]
async fn a_checkpoint_and_the_rows_of_the_user_are_committed_together_or_not_at_all() {
    let postgres = postgres().await;
    let store = &postgres.store;
    let claimed = claimed(&postgres).await;
    let mut user = client().await;
    let saved = async || store.get(claimed.run.id).await.expect("it is there").execution_metadata;

    let tx = user.transaction().await.expect("it begins");
    store.checkpoint_in(&tx, &checkpoint(&claimed, 1)).await.expect("it holds the run");
    assert_eq!(saved().await, None, "not committed yet");
    tx.rollback().await.expect("it rolls back");
    assert_eq!(saved().await, None, "rolled back");

    let tx = user.transaction().await.expect("it begins");
    store.checkpoint_in(&tx, &checkpoint(&claimed, 2)).await.expect("it holds the run");
    tx.commit().await.expect("it commits");
    assert_eq!(saved().await, Some(value(2)));
    // The copy of the run that this handle has is behind: the next write reads the row.
    store.checkpoint(vec![checkpoint(&claimed, 3)]).await.expect("it works").remove(0).expect("it holds the run");
    assert_eq!(saved().await, Some(value(3)));
}

#[tokio::test]
async fn an_attempt_that_has_lost_its_claim_writes_nothing_in_a_transaction() {
    let postgres = postgres().await;
    let claimed = claimed(&postgres).await;
    postgres.clock.advance(Duration::from_secs(61));
    assert_eq!(postgres.second.expire().await, Ok(1));
    let mut user = client().await;
    let tx = user.transaction().await.expect("it begins");
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    let lost = postgres.store.checkpoint_in(&tx, &checkpoint(&claimed, 1)).await;
    assert_eq!(lost, Err(TransactionError::Lost(CheckpointError::EpochLost { id, epoch })));
    tx.commit().await.expect("whoever commits all the same commits nothing of it");
    assert_eq!(postgres.store.get(id).await.expect("it is there").execution_metadata, None);
}

#[tokio::test]
async fn nobody_takes_a_run_over_while_a_transaction_has_its_checkpoint() {
    let postgres = postgres().await;
    let claimed = claimed(&postgres).await;
    let mut user = client().await;
    let tx = user.transaction().await.expect("it begins");
    postgres.store.checkpoint_in(&tx, &checkpoint(&claimed, 1)).await.expect("it holds the run");
    postgres.clock.advance(Duration::from_secs(61));
    // It waits for the row, for two seconds at most, and says so.
    let expired = postgres.second.expire().await;
    assert!(matches!(expired, Err(StoreError::Unavailable { .. }) | Ok(0)), "{expired:?}");
    tx.commit().await.expect("it commits");
    assert_eq!(postgres.second.expire().await, Ok(1));
    assert_eq!(postgres.store.get(claimed.run.id).await.expect("it is there").execution_metadata, Some(value(1)));
}

#[tokio::test]
async fn a_statement_that_the_database_refuses_says_its_code() {
    let postgres = postgres().await;
    let mut user = client().await;
    let tx = user.transaction().await.expect("it begins");
    tx.batch_execute("SELECT 1 / 0").await.expect_err("it is refused");
    let error = postgres.store.enqueue_in(&tx, new_run(postgres.now(), "plain", 1)).await.expect_err("it is aborted");
    assert!(matches!(&error, TransactionError::Database { code: Some(code), .. } if &**code == "25P02"), "{error:?}");
    assert!(!error.is_retryable(), "not without a new transaction's reason");
}
