//! What happens to claims while a transaction is held open, so that old versions of rows cannot be removed.
//!
//! `LONGHAUL_BLOAT_SECONDS=600 ./scripts/postgres run -- cargo test --release -p longhaul-postgres --test bloat -- --nocapture`
//!
//! By itself: the transaction would disturb other tests.

mod common;

use std::time::Duration;

use common::{Postgres, client, postgres};
use longhaul_core::{
    Retention, Retentions,
    store::{ClaimRequest, ServerBeat, Settlement, prelude::*},
};
use longhaul_postgres::{DatabaseWarning, WarningLimits};
use longhaul_testkit::fixture::{completed, new_run, server_id, support};
use tokio_postgres::Client;

const BATCH: u64 = 250;

/// Enqueues, claims, ends and sweeps one batch of runs. Answers how long its longest claim took.
#[expect(clippy::disallowed_methods, reason = "it measures, and decides nothing by it")]
async fn churn(postgres: &Postgres, round: u64) -> Duration {
    let mut longest = Duration::ZERO;
    let (store, now) = (&postgres.store, postgres.now());
    store.insert((0..BATCH).map(|n| new_run(now, "plain", round * BATCH + n)).collect()).await.expect("it works");
    let request = ClaimRequest::new(server_id(now, 1), [support("plain", 1)].into(), BATCH as usize);
    let mut left = BATCH as usize;
    while left > 0 {
        let begin = std::time::Instant::now();
        let claimed = store.claim(request.clone()).await.expect("it works");
        longest = longest.max(begin.elapsed());
        left -= claimed.len();
        let ends = claimed.iter().map(|claimed| Settlement {
            id: claimed.run.id,
            epoch: claimed.run.epoch,
            ending: completed(1),
            execution_metadata: None,
            taken: Vec::new(),
            progress: None,
        });
        for settled in store.settle(ends.collect()).await.expect("it works") {
            settled.expect("it runs");
        }
    }
    let all = Retentions::from(Retention::all(Duration::ZERO));
    store.sweep(all, BATCH as usize).await.expect("it works");
    longest
}

/// Pages that a look for the first due run reads; dead rows in the table of runs; its size and that of its index, in KiB.
async fn figures(client: &Client, schema: &str) -> (i64, i64, i64, i64) {
    let look = format!(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id FROM {schema}.run WHERE lane = 1 AND lim = '' AND prio = 0 \
         AND due IS NOT NULL ORDER BY due, id LIMIT 1"
    );
    client
        .batch_execute("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
        .await
        .expect("it works");
    let plan: String =
        client.query_one(&format!("SELECT {schema}.bloat_plan($1)"), &[&look]).await.expect("it works").get(0);
    let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
    let read = |kind: &str| plan[0]["Plan"][kind].as_i64().unwrap_or_default();
    client.batch_execute("SELECT pg_stat_clear_snapshot()").await.expect("it works");
    let row = client
        .query_one(
            "SELECT coalesce(n_dead_tup, 0), pg_table_size(relid) / 1024, pg_relation_size($1::text::regclass) / 1024 \
             FROM pg_stat_user_tables WHERE schemaname = $2 AND relname = 'run'",
            &[&format!("{schema}.run_due"), &schema],
        )
        .await
        .expect("it works");
    (read("Shared Hit Blocks") + read("Shared Read Blocks"), row.get(0), row.get(1), row.get(2))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "it measures")]
async fn claims_go_on_while_a_transaction_is_held_open_and_the_store_names_it() {
    let seconds = std::env::var("LONGHAUL_BLOAT_SECONDS").map_or(0, |seconds| seconds.parse().expect("a number"));
    let postgres = postgres().await;
    let schema = &postgres.schema.0;
    let server = server_id(postgres.now(), 1);
    postgres.store.heartbeat(ServerBeat::new(server, "one", Duration::from_secs(36_000))).await.expect("it lives");
    let (watch, holder) = (client().await, client().await);
    let plan = format!(
        "CREATE OR REPLACE FUNCTION {schema}.bloat_plan(query text) RETURNS text LANGUAGE plpgsql AS $$ \
         DECLARE plan json; BEGIN EXECUTE query INTO plan; RETURN plan::text; END $$"
    );
    watch.batch_execute(&plan).await.expect("it works");
    churn(&postgres, 0).await;
    let hold = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM {schema}.run");
    holder.batch_execute(&hold).await.expect("it works");

    let (began, mut rounds) = (std::time::Instant::now(), 0);
    for phase in 1..=10_u32 {
        let (phase_began, before) = (std::time::Instant::now(), rounds);
        let mut claims = Vec::new();
        loop {
            rounds += 1;
            claims.push(churn(&postgres, rounds).await);
            if began.elapsed() >= Duration::from_secs(seconds) * phase / 10 {
                break;
            }
        }
        let (pages, dead, table, index) = figures(&watch, schema).await;
        claims.sort_unstable();
        println!(
            "{:4} s: {:6.0} runs/s, a claim {:.1} ms; {pages} pages read for the first due run; {dead} dead rows; {table} KiB, index {index} KiB",
            began.elapsed().as_secs(),
            ((rounds - before) * BATCH) as f64 / phase_began.elapsed().as_secs_f64(),
            claims[claims.len() / 2].as_secs_f64() * 1000.0,
        );
    }
    // Connections tell what they did when they are idle for a second, or when they are asked.
    watch.batch_execute(&format!("ANALYZE {schema}.run")).await.expect("it works");
    let limits = {
        let mut limits = WarningLimits::default();
        (limits.transaction, limits.dead_rows, limits.claim_pages) = (Duration::ZERO, BATCH, 0);
        limits
    };
    let walk = |warnings: &[DatabaseWarning]| {
        warnings.iter().find_map(|warning| match warning {
            DatabaseWarning::LongClaims { pages, .. } => Some(*pages),
            _ => None,
        })
    };
    let warnings = postgres.store.database_warnings(&limits).await.expect("it works");
    let long = warnings.iter().find(|warning| matches!(warning, DatabaseWarning::LongTransaction { .. }));
    assert!(long.expect("one is open").to_string().contains("pg_terminate_backend"), "{warnings:?}");
    let dead = warnings.iter().find_map(|warning| match warning {
        DatabaseWarning::DeadRows { table, dead, .. } if *table == format!("{schema}.run") => Some(*dead),
        _ => None,
    });
    assert!(dead.expect("nothing could be removed") >= rounds * BATCH, "{warnings:?}");
    assert!(walk(&warnings).is_some_and(|pages| pages >= rounds * BATCH / 100), "{warnings:?}");
    let none = postgres.store.database_warnings(&WarningLimits::default()).await.expect("it works");
    assert!(seconds > 0 || none.is_empty(), "{none:?}");

    holder.batch_execute("COMMIT").await.expect("it works");
    watch.batch_execute(&format!("VACUUM {schema}.run")).await.expect("it works");
    churn(&postgres, rounds + 1).await;
    watch.batch_execute(&format!("VACUUM {schema}.run")).await.expect("it works");
    let (pages, dead, table, index) = figures(&watch, schema).await;
    let warnings = postgres.store.database_warnings(&limits).await.expect("it works");
    assert_eq!(walk(&warnings), None, "{warnings:?}");
    println!("after it ended, and VACUUM: {pages} pages; {dead} dead rows; {table} KiB, index {index} KiB");
    watch.batch_execute(&format!("DROP FUNCTION {schema}.bloat_plan(text)")).await.expect("it works");
}
