//! Moving house: from a folder into PostgreSQL, from there into another schema, and back into a folder.

mod common;

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use common::{client, postgres, url};
use longhaul_core::{
    Key, LogPage, OnConflict, RunId, ScheduleName, Store, StoreError, Timestamp, Unique, UniqueScope,
    constraints::Constraints,
    store::{
        ClaimRequest, CopyStore, EndedCursor, EndedRequest, Filter, LogPages, ScheduleChange, ServerBeat, Settlement,
        copy::{MigrateStoreError, migrate_store},
        prelude::*,
    },
};
use longhaul_embedded::EmbeddedStore;
use longhaul_postgres::{Options, PostgresStore};
use longhaul_testkit::{
    TestClock,
    fixture::{completed, failed, large_value, new_run, server_id, support},
};

const LEASE: Duration = Duration::from_secs(60);
/// Set for the process that is killed: the folder to move from, and the schema to move into.
const FOLDER: &str = "LONGHAUL_MOVING_FOLDER";
const SCHEMA: &str = "LONGHAUL_MOVING_SCHEMA";

/// Leaves runs that ended and runs that wait, with logs, unique keys and a schedule. No server lives afterwards.
async fn fill(store: &dyn Store, now: Timestamp, runs: u64) {
    let server = server_id(now, 1);
    store.heartbeat(ServerBeat::new(server, "worker 1", LEASE)).await.expect("it lives");
    let name = ScheduleName::new("nightly").expect("a name");
    let schedule = ScheduleChange { name, seen: None, value: Some([7].into()), runs: vec![] };
    store.schedule(schedule).await.expect("it is new");
    let new = |n: u64| {
        let mut new = new_run(now, "plain", n);
        if n.is_multiple_of(10) {
            let key = Key::new(&format!("customer {n}")).expect("a key");
            let unique = Unique { key, scope: UniqueScope::For(LEASE * 100), on_conflict: OnConflict::Refuse };
            let mut constraints = Constraints::none().clone();
            constraints.unique = Some(unique);
            new.constraints = Some(constraints.into());
        }
        if n == 7 {
            new.execution_metadata = Some(large_value(300_000));
        }
        new
    };
    store.insert((0..runs).map(new).collect()).await.expect("it works");
    let request = ClaimRequest::new(server, [support("plain", 1)].into(), 320);
    let mut claimed = Vec::new();
    while claimed.len() < 320 {
        claimed.extend(store.claim(request.clone()).await.expect("it works"));
    }
    claimed.truncate(320);
    let log = |run: &longhaul_core::Run| LogPages { id: run.id, epoch: run.epoch, pages: vec![LogPage::default()] };
    store.log(claimed.iter().take(9).map(|claimed| log(&claimed.run)).collect()).await.expect("it works");
    let settlements = claimed.iter().enumerate().map(|(nth, claimed)| Settlement {
        id: claimed.run.id,
        epoch: claimed.run.epoch,
        ending: if nth < 5 { failed("no route", 1, now) } else { completed(1) },
        execution_metadata: None,
        taken: Vec::new(),
        progress: None,
    });
    store.settle(settlements.collect()).await.expect("it works");
    store.leave(server).await.expect("it works");
}

async fn ends(store: &dyn Store) -> Vec<(RunId, EndedCursor)> {
    let request = EndedRequest { after: EndedCursor::START, limit: 1000, wait: false };
    store.ended(request).await.expect("it works").runs.iter().map(|run| (run.id, run.cursor)).collect()
}

fn folder_store(folder: &Path, clock: &TestClock) -> EmbeddedStore {
    EmbeddedStore::open(folder, longhaul_embedded::Options::new(Arc::new(clock.clone()))).expect("a store opens")
}

#[tokio::test]
async fn a_database_moves_into_a_folder_and_back_and_everything_is_as_it_was() {
    let (old, new) = (postgres().await, postgres().await);
    fill(&old.store, old.now(), 400).await;
    let folder = tempfile::tempdir().expect("a folder for the test");
    let between = folder_store(folder.path(), &old.clock);
    let out = migrate_store(&old.store, &between).await.expect("nothing writes");
    // The runs, and the schedule.
    assert_eq!((out.added, out.digest.items()), (401, 401));
    let report = between.verify().await.expect("it is read");
    assert!(report.problems.is_empty(), "{report:?}");
    let back = migrate_store(&between, &new.store).await.expect("nothing writes");
    assert_eq!((back.added, back.digest), (out.added, out.digest));
    assert_eq!(ends(&old.store).await.len(), 315);
    assert_eq!(ends(&new.store).await, ends(&old.store).await);
    let counts =
        async |store: &dyn Store| store.statistics().await.expect("it works").counts.rows().collect::<Vec<_>>();
    assert_eq!(counts(&new.store).await, counts(&old.store).await);
    assert_eq!(migrate_store(&between, &new.store).await.expect("nothing writes").added, 0);
    // It works on: what waits is claimed, ends come after the copied ones, and keys are taken.
    let now = new.now();
    let taken = {
        let mut run = new_run(now, "plain", 5000);
        let unique = Unique {
            key: Key::new("customer 10").expect("a key"),
            scope: UniqueScope::NotFinal,
            on_conflict: OnConflict::Refuse,
        };
        let mut constraints = Constraints::none().clone();
        constraints.unique = Some(unique);
        run.constraints = Some(constraints.into());
        new.store.insert(vec![run]).await.expect("it works").remove(0)
    };
    assert!(taken.is_err(), "{taken:?}");
    let copied = ends(&new.store).await;
    let request = ClaimRequest::new(server_id(now, 9), [support("plain", 1)].into(), 1000);
    let claimed = new.store.claim(request).await.expect("it works");
    assert_eq!(claimed.len(), 80);
    let settlement = Settlement {
        id: claimed[0].run.id,
        epoch: claimed[0].run.epoch,
        ending: completed(2),
        execution_metadata: None,
        taken: Vec::new(),
        progress: None,
    };
    new.store.settle(vec![settlement]).await.expect("it works")[0].as_ref().expect("it runs");
    let after = ends(&new.store).await;
    assert_eq!(after[..315], copied[..]);
    assert!(after[315].1 > copied[314].1);
}

#[tokio::test]
async fn rows_of_sql_that_cannot_become_runs_stop_a_move() {
    let postgres = postgres().await;
    let sql = format!(
        "SELECT {0}.enqueue('of-sql'); INSERT INTO {0}.enqueued VALUES \
         (gen_random_uuid(), DEFAULT, 'no kind', 'null', '{{}}', now(), 'by hand', NULL)",
        postgres.schema.0
    );
    client().await.batch_execute(&sql).await.expect("it is enqueued");
    let refused = postgres.store.copy_out(None).await.expect_err("a row would be lost");
    assert!(matches!(&refused, StoreError::Broken { reason, .. } if reason.contains("enqueued")), "{refused}");
    client().await.batch_execute(&format!("DELETE FROM {}.enqueued", postgres.schema.0)).await.expect("it works");
    postgres.store.copy_out(None).await.expect("nothing is left");
    assert_eq!(postgres.store.count(Filter::default()).await, Ok(1), "the other row has become a run");
}

async fn migrated(folder: &Path, schema: &str) -> Result<usize, MigrateStoreError> {
    // A child and its parent may see different clocks, but what is copied does not go by them.
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    let old = folder_store(folder, &clock);
    let options = Options::default().schema(schema).connections(2).clock(Arc::new(clock));
    let new = PostgresStore::connect_with(&url(), options).await.expect("the database is there");
    let moved = migrate_store(&old, &new).await;
    old.close().await;
    new.close().await;
    Ok(moved?.added)
}

/// Not a test of its own: the process that is killed.
#[tokio::test]
async fn a_process_that_moves_a_store() {
    let (Ok(folder), Ok(schema)) = (std::env::var(FOLDER), std::env::var(SCHEMA)) else { return };
    migrated(Path::new(&folder), &schema).await.expect("nothing writes");
}

#[tokio::test]
async fn a_move_whose_process_was_killed_goes_on_where_it_was() {
    const RUNS: u64 = 1500;
    url();
    let folder = tempfile::tempdir().expect("a folder for the test");
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    let old = folder_store(folder.path(), &clock);
    fill(&old, longhaul_core::Clock::now(&clock), RUNS).await;
    old.close().await;
    let schema = format!("moving_{}", std::process::id());
    let client = client().await;
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_process_that_moves_a_store", "--nocapture"])
        .envs([(FOLDER, folder.path().as_os_str()), (SCHEMA, schema.as_ref())])
        .spawn()
        .expect("a process");
    let count = format!("SELECT count(*) FROM {schema}.run");
    let there = async || client.query_one(&count, &[]).await.map_or(0, |row| row.get::<_, i64>(0));
    while there().await == 0 {
        assert!(child.try_wait().expect("a child").is_none(), "it ended without a copy");
    }
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
    let there = there().await as u64;
    assert!(there < RUNS, "{there} runs are no part of them");
    // The schedule came before the runs.
    assert_eq!(migrated(folder.path(), &schema).await.expect("nothing writes") as u64, RUNS - there);
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.expect("it works");
}
