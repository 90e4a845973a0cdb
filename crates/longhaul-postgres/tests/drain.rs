//! How fast runs that do nothing are executed. Not a test of anything: it prints.
//!
//! `./scripts/postgres --safe run -- cargo test --release -p longhaul-postgres --test drain -- --ignored --nocapture`

mod common;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use common::{client, url};
use longhaul::{AnyError, Client, Context, ExecutionResult, Longhaul, Success, Task};
use longhaul_postgres::{Options, PostgresStore};

static EXECUTED: AtomicUsize = AtomicUsize::new(0);

struct Nothing;

impl Task for Nothing {
    const NAME: &'static str = "nothing";
    type Metadata = [u64; 12];
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<[u64; 12], ()>) -> ExecutionResult<u64, AnyError> {
        EXECUTED.fetch_add(1, Ordering::Relaxed);
        Success::with_result(ctx.metadata()[0]).for_error()
    }
}

async fn connect(schema: &str) -> PostgresStore {
    PostgresStore::connect_with(&url(), Options::default().schema(schema)).await.expect("the database is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
#[expect(clippy::disallowed_methods, reason = "it measures")]
async fn drain() {
    let runs: usize = std::env::var("RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20_000);
    let client_ = client().await;
    for (concurrency, servers) in [(16, 1), (64, 1), (64, 2), (16, 1), (64, 1), (64, 2)] {
        let schema = "drain";
        client_.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await.expect("it works");
        let store = connect(schema).await;
        let client = Client::new(std::sync::Arc::new(store.clone()));
        let began = std::time::Instant::now();
        for batch in 0..runs / 1000 {
            let metadata = (0..1000).map(|n| [(batch * 1000 + n) as u64; 12]);
            client.enqueue_all::<Nothing>(metadata).await.expect("they are kept");
        }
        let enqueued = began.elapsed();
        let transactions = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
        let before: i64 = client_.query_one(transactions, &[]).await.expect("it works").get(0);
        EXECUTED.store(0, Ordering::Relaxed);
        let began = std::time::Instant::now();
        let (mut stores, mut running) = (Vec::new(), Vec::new());
        for _ in 0..servers {
            let store = connect(schema).await;
            stores.push(store.clone());
            let server = Longhaul::builder().store(store).task(Nothing).concurrency(concurrency);
            running.push(server.start().expect("a server starts"));
        }
        // Counting rows costs the database more than the runs.
        while EXECUTED.load(Ordering::Relaxed) < runs {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let left = format!("SELECT count(*) FROM {schema}.run WHERE state <> 4");
        while client_.query_one(&left, &[]).await.expect("it works").get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let drained = began.elapsed();
        let hot = format!(
            "SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables WHERE schemaname = '{schema}' AND relname = 'run'"
        );
        let round_trips: u64 = stores.iter().map(PostgresStore::round_trips).sum();
        for server in running {
            server.shutdown(Duration::from_secs(5)).await;
        }
        client_.batch_execute("SELECT pg_sleep(1.1)").await.expect("connections tell what they did once a second");
        let after: i64 = client_.query_one(transactions, &[]).await.expect("it works").get(0);
        let row = client_.query_one(&hot, &[]).await.expect("it works");
        // The pages of claims and of ends are in the tables; what was tried in vain is not.
        let made = format!(
            "SELECT (SELECT n_tup_ins FROM pg_stat_user_tables WHERE schemaname = '{schema}' AND relname = 'claim_page'), \
             (SELECT count(DISTINCT batch) FROM {schema}.end_page), (SELECT turn FROM {schema}.gate)"
        );
        let made = client_.query_one(&made, &[]).await.expect("it works");
        let [claims, ends, turns] = [0, 1, 2].map(|at| made.get::<_, i64>(at));
        println!(
            "{servers} of concurrency {concurrency}: enqueued {:.0}/s, drained {:.0}/s; updates in their page {} of {}; \
             transactions {}, round trips {round_trips}; {claims} claims of {:.0} in {turns} turns of the gate, \
             {ends} transactions with ends, of {:.0}",
            runs as f64 / enqueued.as_secs_f64(),
            runs as f64 / drained.as_secs_f64(),
            row.get::<_, i64>(0),
            row.get::<_, i64>(1),
            after - before,
            runs as f64 / claims.max(1) as f64,
            runs as f64 / ends.max(1) as f64,
        );
    }
}
