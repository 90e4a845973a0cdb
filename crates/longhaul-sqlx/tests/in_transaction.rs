//! What is written in a transaction of sqlx's.

use std::{io::Write as _, sync::Arc, time::Duration};

use longhaul::{
    AnyError, Client, Context, ExecutionResult, Longhaul, RunOutcome, Success, Task,
    postgres::{Options, PostgresStore, TransactionError, tokio_postgres},
};
use longhaul_core::{
    Inserted, Key, OnConflict, RunId, ServerId, State, StateKind, Unique, UniqueScope,
    constraints::Constraints,
    store::{
        Checkpoint, CheckpointError, ClaimRequest, Claimed, EndedCursor, EndedRequest, Filter, InsertError, ServerBeat,
        prelude::*,
    },
};
use longhaul_sqlx::transaction;
use longhaul_testkit::fixture::{new_run, run_id, server_id, support, value};
use serde::{Deserialize, Serialize};
use sqlx::{
    PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Where the database is. Without one, the tests of this file are skipped, and say so; in CI that is a failure.
fn url() -> String {
    std::env::var("DATABASE_URL").unwrap_or_else(|_| {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        let what = "skipped: there is no PostgreSQL. Use `./scripts/postgres run -- cargo test -p longhaul-sqlx`\n";
        // Not through the harness, which would keep it to itself.
        std::io::stderr().write_all(what.as_bytes()).expect("there is a standard error");
        std::process::exit(i32::from(in_ci))
    })
}

/// sqlx reads URLs only; the store also what libpq calls a connection string.
fn options() -> PgConnectOptions {
    use tokio_postgres::config::Host;

    let config: tokio_postgres::Config = url().parse().expect("`DATABASE_URL` leads to a database");
    let mut options = PgConnectOptions::new_without_pgpass();
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => options = options.host(host),
        Some(Host::Unix(folder)) => options = options.socket(folder),
        None => {}
    }
    if let Some(port) = config.get_ports().first() {
        options = options.port(*port);
    }
    if let Some(password) = config.get_password() {
        options = options.password(std::str::from_utf8(password).expect("it is text"));
    }
    let user = config.get_user().unwrap_or("postgres");
    options.username(user).database(config.get_dbname().unwrap_or(user))
}

/// An empty store in a schema of this name, and a pool of sqlx's on the same database.
async fn fresh(schema: &'static str) -> (PostgresStore, PgPool) {
    let pool = PgPoolOptions::new().max_connections(4).connect_with(options()).await.expect("the database is there");
    let drop = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
    sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&pool).await.expect("it works");
    let options = Options::default().schema(schema).connections(4).poll(Duration::from_millis(50));
    let store = PostgresStore::connect_with(&url(), options).await.expect("the database is there");
    (store, pool)
}

async fn state(store: &PostgresStore, id: RunId) -> Option<StateKind> {
    store.get(id).await.ok().map(|snapshot| snapshot.run.state.kind())
}

#[tokio::test]
async fn a_run_is_there_once_the_transaction_that_enqueued_it_is_committed_and_not_before() {
    let (store, pool) = fresh("sqlx_enqueue").await;
    let now = store.clock().now();
    let [first, second] = [1, 2].map(|n| run_id(now, n));

    let mut tx = pool.begin().await.expect("it begins");
    assert_eq!(store.enqueue_in(transaction(&mut tx), new_run(now, "plain", 1)).await, Ok(Inserted::New));
    assert_eq!(state(&store, first).await, None);
    tx.commit().await.expect("it commits");
    assert_eq!(state(&store, first).await, Some(StateKind::Pending));

    let mut tx = pool.begin().await.expect("it begins");
    assert_eq!(store.enqueue_in(transaction(&mut tx), new_run(now, "plain", 2)).await, Ok(Inserted::New));
    tx.rollback().await.expect("it rolls back");
    assert_eq!(state(&store, second).await, None);
    assert_eq!(store.count(Filter::default()).await, Ok(1), "the counts are rolled back too");
}

#[tokio::test]
async fn a_refused_run_leaves_the_transaction_as_it_was() {
    let (store, pool) = fresh("sqlx_refused").await;
    let now = store.clock().now();
    let run = |n| {
        let (key, scope) = (Key::new("order 7").expect("a key"), UniqueScope::NotFinal);
        let mut constraints = Constraints::none().clone();
        constraints.unique = Some(Unique { key, scope, on_conflict: OnConflict::Refuse });
        let mut new = new_run(now, "plain", n);
        new.constraints = Some(constraints.into());
        new
    };
    let mut tx = pool.begin().await.expect("it begins");
    assert_eq!(store.enqueue_in(transaction(&mut tx), run(1)).await, Ok(Inserted::New));
    let refused = store.enqueue_in(transaction(&mut tx), run(2)).await;
    assert!(
        matches!(&refused, Err(TransactionError::Refused(InsertError::Taken { id, .. })) if *id == run_id(now, 1)),
        "{refused:?}"
    );
    tx.commit().await.expect("it goes on");
    assert!(state(&store, run_id(now, 1)).await.is_some());
}

#[tokio::test]
async fn the_connection_of_the_user_stays_as_it_was() {
    let (store, pool) = fresh("sqlx_settings").await;
    let mut tx = pool.begin().await.expect("it begins");
    sqlx::query("SET LOCAL plan_cache_mode = force_custom_plan").execute(&mut *tx).await.expect("it works");
    store.enqueue_in(transaction(&mut tx), new_run(store.clock().now(), "plain", 1)).await.expect("it works");
    for (setting, expected) in [("plan_cache_mode", "force_custom_plan"), ("enable_seqscan", "on"), ("jit", "on")] {
        let show = sqlx::query("SELECT current_setting($1)").bind(setting).fetch_one(&mut *tx).await;
        assert_eq!(show.expect("it works").get::<String, _>(0), expected, "{setting}");
    }
    let prepared = "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%\"sqlx_settings\"%'";
    let prepared = sqlx::query(prepared).persistent(false).fetch_all(&mut *tx).await.expect("it works");
    let left: Vec<String> = prepared.iter().map(|row| row.get(0)).collect();
    assert_eq!(left, [] as [&str; 0], "nothing of the store stays prepared");
}

async fn claimed(store: &PostgresStore) -> Claimed {
    let now = store.clock().now();
    let server = server_id(now, 1);
    store.heartbeat(ServerBeat::new(server, "one", Duration::from_mins(1))).await.expect("it lives");
    store.insert(vec![new_run(now, "plain", 1)]).await.expect("it works");
    let request = ClaimRequest { begin: 1, ..ClaimRequest::new(server, [support("plain", 1)].into(), 1) };
    store.claim(request).await.expect("it works").remove(0)
}

fn claimed_by(claimed: &Claimed) -> ServerId {
    match claimed.run.state {
        State::Running { server } => server,
        ref other => panic!("it is {other}"),
    }
}

fn checkpoint(claimed: &Claimed, seq: u32) -> Checkpoint {
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    Checkpoint { id, epoch, seq, execution_metadata: Some(value(seq.into())), taken: Vec::new(), progress: None }
}

#[tokio::test]
async fn an_attempt_that_has_lost_its_claim_writes_nothing_in_a_transaction() {
    let (store, pool) = fresh("sqlx_lost").await;
    let claimed = claimed(&store).await;
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    store.declare_dead(claimed_by(&claimed), "it is gone").await.expect("it works");
    let mut tx = pool.begin().await.expect("it begins");
    let lost = store.checkpoint_in(transaction(&mut tx), &checkpoint(&claimed, 1)).await;
    assert_eq!(lost, Err(TransactionError::Lost(CheckpointError::EpochLost { id, epoch })));
    tx.commit().await.expect("whoever commits all the same commits nothing of it");
    assert_eq!(store.get(id).await.expect("it is there").execution_metadata, None);
}

#[tokio::test]
async fn what_the_database_refuses_says_whether_the_transaction_may_be_made_again() {
    let (store, pool) = fresh("sqlx_locked").await;
    let claimed = claimed(&store).await;
    let mut first = pool.begin().await.expect("it begins");
    store.checkpoint_in(transaction(&mut first), &checkpoint(&claimed, 1)).await.expect("it holds the run");
    let mut second = pool.begin().await.expect("it begins");
    sqlx::query("SET LOCAL lock_timeout = '50ms'").execute(&mut *second).await.expect("it works");
    let locked = store.checkpoint_in(transaction(&mut second), &checkpoint(&claimed, 2)).await.expect_err("locked");
    assert!(matches!(&locked, TransactionError::Database { code: Some(code), .. } if &**code == "55P03"), "{locked:?}");
    assert!(locked.is_retryable());
    second.rollback().await.expect("it rolls back");
    first.commit().await.expect("it commits");
    assert_eq!(store.get(claimed.run.id).await.expect("it is there").execution_metadata, Some(value(1)));
}

#[derive(Debug, Serialize, Deserialize)]
struct Pay {
    accounts: i32,
}

/// Pays 10 to each account. The first transaction of each is rolled back.
struct Payments {
    store: PostgresStore,
    pool: PgPool,
}

impl Task for Payments {
    const NAME: &'static str = "payments";
    type Metadata = Pay;
    type ExecutionMetadata = i32;
    type Output = i64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Pay, i32>) -> ExecutionResult<i64, AnyError> {
        let (store, mut breaks) = (&self.store, true);
        while ctx.read(|at| *at < ctx.metadata().accounts) {
            let mut tx = self.pool.begin().await?;
            let checkpoint = ctx.checkpoint_in(store, transaction(&mut tx), |at| *at += 1).await?;
            let account = ctx.read(|at| *at);
            let pay = sqlx::query("UPDATE sqlx_bank.account SET amount = amount + 10 WHERE id = $1").bind(account);
            pay.execute(&mut *tx).await?;
            breaks = !breaks;
            if !breaks {
                tx.rollback().await?;
                checkpoint.rolled_back();
                continue;
            }
            tx.commit().await?;
            checkpoint.committed()?;
        }
        let mut tx = self.pool.begin().await?;
        let paid = i64::from(ctx.metadata().accounts) * 10;
        let success = ctx.complete_in(store, transaction(&mut tx), &paid).await?;
        sqlx::query("INSERT INTO sqlx_bank.receipt VALUES ($1)").bind(paid).execute(&mut *tx).await?;
        tx.commit().await?;
        success.committed();
        Success::with_result(paid).for_error()
    }
}

/// A bank with accounts, in which `sqlx_bank.enqueue` enqueues too.
async fn bank(accounts: i32) -> (PostgresStore, PgPool) {
    let (store, pool) = fresh("sqlx_bank").await;
    for statement in [
        "CREATE TABLE sqlx_bank.account (id int PRIMARY KEY, amount bigint NOT NULL DEFAULT 0)",
        "CREATE TABLE sqlx_bank.receipt (amount bigint)",
    ] {
        sqlx::query(statement).execute(&pool).await.expect("it works");
    }
    let add = "INSERT INTO sqlx_bank.account SELECT n FROM generate_series(0, $1 - 1) n";
    sqlx::query(add).bind(accounts).execute(&pool).await.expect("it works");
    (store, pool)
}

#[tokio::test]
async fn a_task_does_its_steps_and_its_end_in_transactions_and_sql_enqueues_it_in_one() {
    const ACCOUNTS: i32 = 3;
    let (store, pool) = bank(ACCOUNTS).await;
    let mut tx = pool.begin().await.expect("it begins");
    let enqueue = "SELECT sqlx_bank.enqueue($1, $2::text::jsonb, $3::text::jsonb)::text";
    let metadata = serde_json::to_string(&Pay { accounts: ACCOUNTS }).expect("it is JSON");
    let row = sqlx::query(enqueue).bind("payments").bind(metadata).bind("{}").fetch_one(&mut *tx).await;
    let id: String = row.expect("it is enqueued").get(0);
    let id: RunId = id.parse().unwrap_or_else(|_| {
        let hex = id.replace('-', "");
        RunId::from_bytes(u128::from_str_radix(&hex, 16).expect("it is hexadecimal").to_be_bytes())
    });
    tx.commit().await.expect("it commits");

    let task = Payments { store: store.clone(), pool: pool.clone() };
    let server = Longhaul::builder().store(store.clone()).task(task).start().expect("a server starts");
    let client = Client::new(Arc::new(store.clone()));
    // It is a run as soon as a server has looked, so its end is what can be waited for.
    let mut after = EndedCursor::START;
    loop {
        let page = store.ended(EndedRequest { after, limit: 10, wait: true }).await.expect("the store works");
        if page.runs.iter().any(|ended| ended.id == id) {
            break;
        }
        after = page.next;
    }
    let outcome = client.run::<Payments>(id).outcome().await.expect("it is final");
    assert!(matches!(outcome, RunOutcome::Completed(30)), "{outcome:?}");
    let amounts = sqlx::query("SELECT amount FROM sqlx_bank.account UNION ALL SELECT amount FROM sqlx_bank.receipt");
    let amounts = amounts.fetch_all(&pool).await.expect("it works");
    let amounts: Vec<i64> = amounts.iter().map(|row| row.get(0)).collect();
    assert_eq!(amounts, [10, 10, 10, 30], "each account once, and one receipt");
    server.shutdown(Duration::from_secs(10)).await;
}
