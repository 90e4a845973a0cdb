//! Migrations as commands, and the views for people, as psql and a role without rights on the tables see them.

mod common;

use std::time::Duration;

use common::{client, postgres, url};
use longhaul_core::{
    Actor, Key, StateKind,
    store::{ClaimRequest, Filter, ServerBeat, Settlement, prelude::*},
};
use longhaul_postgres::{ConnectError, Migrations, Options, PostgresStore};
use longhaul_testkit::fixture::{completed, new_run, run_id, server_id, support};

async fn fresh(schema: &str) -> Options {
    client().await.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await.expect("it works");
    Options::default().schema(schema).connections(2)
}

#[tokio::test]
async fn migrations_are_listed_made_once_and_validated() {
    let options = fresh("schema_commands").await;
    let refused = PostgresStore::connect_with(&url(), options.clone().migrate(false)).await.map(drop);
    let refused = refused.expect_err("there are no tables");
    assert!(matches!(refused, ConnectError::OlderSchema { found: 0, .. }), "{refused:?}");
    assert!(refused.to_string().contains("`longhaul store migrate up`"), "{refused}");
    let migrations = Migrations::connect(&url(), &options).await.expect("the database is there");
    let listed = migrations.list().await.expect("it works");
    assert!(listed.len() > 5 && listed.iter().all(|migration| !migration.is_made), "{listed:?}");
    assert_eq!(listed[0].to_string(), "0001 tables");
    assert!(migrations.validate().await.is_err(), "nothing is made");
    let made = migrations.up().await.expect("it works");
    assert_eq!(made.len(), listed.len());
    assert!(migrations.list().await.expect("it works").iter().all(|migration| migration.is_made));
    assert_eq!((migrations.up().await, migrations.validate().await), (Ok(vec![]), Ok(())));
    let store = PostgresStore::connect_with(&url(), options.migrate(false)).await.expect("the tables are there");
    assert_eq!(store.count(Filter::default()).await, Ok(0));
    client().await.batch_execute("DROP TABLE schema_commands.kind CASCADE").await.expect("it works");
    let lost = migrations.validate().await.expect_err("a table was removed");
    assert!(matches!(&lost, ConnectError::Missing { names, .. } if names == "kind"), "{lost:?}");
}

#[tokio::test]
async fn of_ten_that_migrate_at_once_one_does_whatever_the_isolation() {
    for isolation in ["read committed", "serializable"] {
        let options = fresh("schema_ten").await;
        let url = format!("{} options='-c default_transaction_isolation={}'", url(), isolation.replace(' ', "\\\\ "));
        let migrating: Vec<_> = (0..10)
            .map(|_| {
                let (url, options) = (url.clone(), options.clone());
                tokio::spawn(async move { Migrations::connect(&url, &options).await?.up().await })
            })
            .collect();
        let mut made = Vec::new();
        for one in migrating {
            let answer = one.await.expect("no panic").unwrap_or_else(|error| panic!("{isolation}: {error}"));
            made.extend(answer.iter().map(|migration| migration.version));
        }
        made.sort_unstable();
        made.dedup();
        let migrations = Migrations::connect(&url, &options).await.expect("it is there");
        assert_eq!(made.len(), migrations.list().await.expect("it works").len(), "{isolation}");
        migrations.validate().await.unwrap_or_else(|error| panic!("{isolation}: {error}"));
    }
}

#[tokio::test]
async fn a_newer_schema_is_left_as_it_is_and_said_to_be_newer() {
    let options = fresh("schema_newer").await;
    let migrations = Migrations::connect(&url(), &options).await.expect("the database is there");
    migrations.up().await.expect("it works");
    client().await.batch_execute("INSERT INTO schema_newer.migration VALUES (999)").await.expect("it works");
    for refused in [migrations.up().await.map(drop), migrations.validate().await] {
        let refused = refused.expect_err("it is newer");
        assert!(matches!(refused, ConnectError::NewerSchema { found: 999, .. }), "{refused:?}");
        assert!(refused.to_string().contains("at least as new"), "{refused}");
    }
    let newest = migrations.list().await.expect("it works").pop().expect("there are some");
    assert_eq!((newest.version, newest.name, newest.is_made), (999, "", true));
}

#[tokio::test]
async fn the_views_name_states_and_times_for_a_role_that_may_read_nothing_else() {
    let postgres = postgres().await;
    let (store, now) = (&postgres.store, postgres.now());
    let server = server_id(now, 1);
    store.heartbeat(ServerBeat::new(server, "worker 1", Duration::from_secs(60))).await.expect("it lives");
    let runs = (0..4).map(|n| {
        let mut run = new_run(now, "plain", n);
        if n == 0 {
            let mut constraints = longhaul_core::constraints::Constraints::none().clone();
            constraints.limit_key = Some(Key::new("customer 7").expect("a key"));
            run.constraints = Some(constraints.into());
        }
        run
    });
    store.insert(runs.collect()).await.expect("it works");
    let claimed = store.claim(ClaimRequest::new(server, [support("plain", 1)].into(), 2)).await.expect("it works");
    let (id, epoch) = (claimed[0].run.id, claimed[0].run.epoch);
    let end =
        Settlement { id, epoch, ending: completed(1), execution_metadata: None, taken: Vec::new(), progress: None };
    store.settle(vec![end]).await.expect("it works").remove(0).expect("it runs");
    store.cancel(run_id(now, 3), None, Actor::UNKNOWN).await.expect("it waits");

    let schema = &postgres.schema.0;
    let user = client().await;
    let views = "runs servers counts minutes ends unique_keys not_taken_in";
    let granted = views.split(' ').map(|view| format!("{schema}.{view}")).collect::<Vec<_>>().join(", ");
    let grants = format!(
        "BEGIN; SELECT pg_advisory_xact_lock(8); DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = \
         'longhaul_reader') THEN CREATE ROLE longhaul_reader; END IF; END $$; COMMIT; \
         GRANT USAGE ON SCHEMA {schema} TO longhaul_reader; GRANT SELECT ON {granted} TO longhaul_reader; \
         SET ROLE longhaul_reader; SET search_path = {schema}; SET timezone = 'UTC'"
    );
    user.batch_execute(&grants).await.expect("the tests own the database");
    let denied = user.query("SELECT * FROM run", &[]).await.expect_err("it is a table");
    assert_eq!(denied.code(), Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE));
    let text = async |query: &str| -> Vec<String> {
        user.query(query, &[]).await.expect(query).iter().map(|row| row.get(0)).collect()
    };
    let told = text("SELECT concat_ws(' ', run, kind, state, since, limit_key, server) FROM runs ORDER BY id").await;
    let mut expected = Vec::new();
    for n in 0..4 {
        let snapshot = store.get(run_id(now, n)).await.expect("it is there").run;
        let key =
            snapshot.constraints().limit_key.as_ref().map_or_else(String::new, |key| format!(" {}", key.as_str()));
        let server = if snapshot.state.kind() == StateKind::Running { " worker 1" } else { "" };
        let (id, state) = (snapshot.id, snapshot.state.kind());
        expected.push(format!("{id} plain {state} 2027-01-15 08:00:00+00{key}{server}"));
    }
    assert_eq!(told, expected);
    assert_eq!(text(&format!("SELECT state FROM runs WHERE id = run_id('{id}')")).await, ["completed"]);
    assert_eq!(text("SELECT coalesce(run_id('run_nonsense')::text, 'none')").await, ["none"]);
    let counts = text("SELECT concat_ws(' ', queue, kind, state, runs) FROM counts ORDER BY state").await;
    let each = ["cancelled", "completed", "pending", "running"].map(|state| format!("default plain {state} 1"));
    assert_eq!(counts, each);
    assert_eq!(text("SELECT concat_ws(' ', name, state) FROM servers").await, ["worker 1 lives"]);
    assert_eq!(
        text("SELECT run || ' ' || state FROM ends WHERE state = 'completed'").await,
        [format!("{id} completed")]
    );
    assert_eq!(text("SELECT concat_ws(' ', enqueued, completed, cancelled) FROM minutes").await, ["4 1 1"]);
    for (number, state) in (0_i16..).zip(StateKind::ALL) {
        assert_eq!(text(&format!("SELECT state_name({number}::int2)")).await, [state.as_str()]);
    }
}
