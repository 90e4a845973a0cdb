//! What is written in a transaction of the user's.

mod common;

use common::{Postgres, client, postgres};
use longhaul::{AnyError, Context, ExecutionResult, Longhaul, Success, TaskFn};
use longhaul_core::{
    Inserted, Key, OnConflict, ServerId, StateKind, StoreError, Unique, UniqueScope,
    constraints::Constraints,
    store::{
        Checkpoint, CheckpointError, ClaimRequest, Claimed, EndedCursor, EndedRequest, Filter, GetError, InsertError,
        ServerBeat, Settled, Settlement, prelude::*,
    },
};
use longhaul_postgres::{Options, PostgresStore, TransactionError};
use longhaul_testkit::fixture::{completed, failed, new_run, run_id, server_id, support, value};
use std::time::Duration;

async fn claimed(postgres: &Postgres) -> Claimed {
    let server = server_id(postgres.now(), 1);
    let beat = ServerBeat::new(server, "one", Duration::from_secs(60));
    postgres.store.heartbeat(beat).await.expect("it lives");
    claimed_by(postgres, server, 1).await
}

async fn claimed_by(postgres: &Postgres, server: ServerId, n: u64) -> Claimed {
    let (store, now) = (&postgres.store, postgres.now());
    store.insert(vec![new_run(now, "plain", n)]).await.expect("it works");
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

fn settlement(claimed: &Claimed, ending: longhaul_core::Ending) -> Settlement {
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None }
}

#[tokio::test]
async fn a_success_and_the_rows_of_the_user_are_committed_together_or_not_at_all() {
    let postgres = postgres().await;
    let store = &postgres.store;
    let claimed = claimed(&postgres).await;
    let mut user = client().await;
    let state = async || postgres.second.get(claimed.run.id).await.expect("it is there").run.state.kind();
    let ends = async || {
        let request = EndedRequest { after: EndedCursor::START, limit: 10, wait: false };
        postgres.second.ended(request).await.expect("it works").runs.len()
    };

    let tx = user.transaction().await.expect("it begins");
    let end = store.settle_in(&tx, &settlement(&claimed, completed(1))).await.expect("it holds the run");
    assert_eq!(*end.answer(), Settled::Now(StateKind::Completed));
    assert_eq!((state().await, ends().await), (StateKind::Running, 0), "not committed yet");
    tx.rollback().await.expect("it rolls back");
    assert_eq!((state().await, ends().await), (StateKind::Running, 0), "rolled back");

    let tx = user.transaction().await.expect("it begins");
    let end = store.settle_in(&tx, &settlement(&claimed, completed(2))).await.expect("it holds the run");
    tx.commit().await.expect("it commits");
    end.committed();
    assert_eq!((state().await, ends().await), (StateKind::Completed, 1));
    // Nothing of its claim stays: the page goes with the next write.
    let next = claimed_by(&postgres, server_id(postgres.now(), 1), 2).await;
    store.settle(vec![settlement(&next, completed(3))]).await.expect("it works").remove(0).expect("it holds the run");
    let pages = format!("SELECT runs FROM {}.claim_page WHERE $1::text::uuid = ANY(runs)", postgres.schema.0);
    let id = format!("{:032x}", u128::from_be_bytes(*claimed.run.id.as_bytes()));
    assert_eq!(client().await.query(&pages, &[&id]).await.expect("it works").len(), 0);
}

#[tokio::test]
async fn an_attempt_that_has_lost_its_claim_completes_nothing_in_a_transaction() {
    let postgres = postgres().await;
    let claimed = claimed(&postgres).await;
    postgres.clock.advance(Duration::from_secs(61));
    assert_eq!(postgres.second.expire().await, Ok(1));
    let mut user = client().await;
    let tx = user.transaction().await.expect("it begins");
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    let lost = postgres.store.settle_in(&tx, &settlement(&claimed, completed(1))).await.map(drop);
    assert_eq!(lost, Err(TransactionError::Lost(CheckpointError::EpochLost { id, epoch })));
    tx.commit().await.expect("whoever commits all the same commits nothing of it");
    assert_eq!(postgres.store.get(id).await.expect("it is there").run.state.kind(), StateKind::Pending);
}

#[tokio::test]
async fn a_success_whose_commit_was_not_answered_is_found_out() {
    let postgres = postgres().await;
    let store = &postgres.store;
    let claimed = claimed(&postgres).await;
    let mut user = client().await;
    let tx = user.transaction().await.expect("it begins");
    let end = store.settle_in(&tx, &settlement(&claimed, completed(1))).await.expect("it holds the run");
    tx.commit().await.expect("it commits");
    // As if the answer had been lost.
    drop(end);
    let tx = user.transaction().await.expect("it begins");
    let again = store.settle_in(&tx, &settlement(&claimed, completed(2))).await.expect("it was settled by itself");
    assert_eq!(*again.answer(), Settled::Already);
    drop(again);
    tx.rollback().await.expect("it rolls back");
    let failed = failed("the connection was closed", 1, postgres.now());
    let answers = store.settle(vec![settlement(&claimed, failed)]).await.expect("it works");
    assert_eq!(answers, [Ok(Settled::Already)]);
    assert_eq!(store.get(claimed.run.id).await.expect("it is there").run.state.kind(), StateKind::Completed);
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

const INVOICE: TaskFn<(), (), u32> = TaskFn::new("invoice");

/// Writes an invoice and completes; the answer to its first COMMIT is lost, and it tries again in the same attempt.
async fn invoice(ctx: &Context<(), ()>, store: &PostgresStore, table: &str) -> ExecutionResult<u32, AnyError> {
    let mut user = client().await;
    for _ in 0..2 {
        let tx = user.transaction().await?;
        let success = ctx.complete_in(store, &tx, &7_u32).await?;
        tx.batch_execute(&format!("INSERT INTO {table} VALUES (7)")).await?;
        tx.commit().await?;
        drop(success);
    }
    Success::with_result(8).for_error()
}

#[tokio::test]
async fn a_task_that_completes_again_after_a_lost_answer_does_its_work_once() {
    let postgres = postgres().await;
    let store = PostgresStore::connect_with(&common::url(), Options::default().schema(&postgres.schema.0)).await;
    let (store, table) = (store.expect("the database is there"), format!("{}.invoice", postgres.schema.0));
    client().await.batch_execute(&format!("CREATE TABLE {table} (amount int8)")).await.expect("it works");
    let (of_task, of_tasks_table) = (store.clone(), table.clone());
    let server = Longhaul::builder()
        .store(store)
        .task_fn(INVOICE, move |ctx| {
            let (store, table) = (of_task.clone(), of_tasks_table.clone());
            async move { invoice(&ctx, &store, &table).await }
        })
        .start()
        .expect("a server starts");
    let run = server.client().enqueue_fn(INVOICE, ()).await.expect("it is enqueued");
    assert_eq!(run.outcome().await.expect("it ends").completed(), Some(7));
    server.shutdown(Duration::from_secs(5)).await;
    let user = client().await;
    let rows = user.query(&format!("SELECT amount FROM {table}"), &[]).await.expect("it works");
    assert_eq!(rows.len(), 1, "the work was done once");
    user.batch_execute(&format!("DROP TABLE {table}")).await.expect("it works");
}
