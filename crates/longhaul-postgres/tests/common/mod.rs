//! A store in a schema of its own, for as long as a test lasts.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::{
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use longhaul_core::{ServerId, Store, Timestamp, store::CopyStore};
use longhaul_postgres::{Options, PostgresStore};
use longhaul_testkit::{TestClock, conformance::Subject};
use tokio_postgres::{Client, NoTls};

/// The schemas that no test uses now. A test that takes one empties it: that costs less than a new one.
static FREE: Mutex<(Vec<String>, usize)> = Mutex::new((Vec::new(), 0));

/// A schema that is given back.
pub(crate) struct Schema(pub(crate) String);

impl Schema {
    fn take() -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        Self(free.0.pop().unwrap_or_else(|| {
            free.1 += 1;
            format!("test_{}_{}", std::process::id(), free.1)
        }))
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).0.push(std::mem::take(&mut self.0));
    }
}

/// Where the database is. Without one, the tests of this file are skipped, and say so; in CI that is a failure.
pub(crate) fn url() -> String {
    std::env::var("DATABASE_URL").unwrap_or_else(|_| {
        let in_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        let what = "skipped: there is no PostgreSQL. Use `./scripts/postgres run -- cargo test -p longhaul-postgres`\n";
        // Not through the harness, which would keep it to itself.
        std::io::stderr().write_all(what.as_bytes()).expect("there is a standard error");
        std::process::exit(i32::from(in_ci))
    })
}

/// Where the database is past a pooler, if there is one.
fn direct() -> Option<String> {
    std::env::var("LONGHAUL_POSTGRES_DIRECT").ok()
}

/// A connection beside those of the store, past a pooler.
pub(crate) async fn client() -> Client {
    let url = direct().unwrap_or_else(url);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("the database is there");
    tokio::spawn(connection);
    client
}

/// How a store of this schema is connected where the suite is run now.
pub(crate) fn options(schema: &str) -> Options {
    let on = |variable| std::env::var(variable).as_deref() != Ok("off");
    let options = Options::default().schema(schema);
    options.prepared(on("LONGHAUL_POSTGRES_PREPARED")).listen(on("LONGHAUL_POSTGRES_LISTEN"))
}

pub(crate) struct Postgres {
    pub(crate) store: PostgresStore,
    /// Another server's handle on the same database.
    pub(crate) second: PostgresStore,
    pub(crate) clock: TestClock,
    pub(crate) schema: Schema,
}

impl Postgres {
    pub(crate) async fn connect(schema: &str, clock: &TestClock) -> PostgresStore {
        let poll = std::time::Duration::from_millis(100);
        let options = options(schema).connections(4).poll(poll).clock(Arc::new(clock.clone()));
        // `default_transaction_isolation=serializable` makes the database refuse what it cannot order.
        let settings = std::env::var("LONGHAUL_POSTGRES_SETTINGS").unwrap_or_default();
        let settings = if settings.is_empty() { settings } else { format!(" options='-c {settings}'") };
        let url = format!("{} application_name={schema}{settings}", url());
        PostgresStore::connect_with(&url, options).await.expect("the database is there")
    }
}

#[async_trait]
impl Subject for Postgres {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    fn another(&self) -> Option<Arc<dyn Store>> {
        Some(Arc::new(self.second.clone()))
    }

    fn copies(&self) -> Option<Arc<dyn CopyStore>> {
        Some(Arc::new(self.store.clone()))
    }

    fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    /// The servers of a process that died are declared dead at once, as if their leases had run out.
    async fn crash_and_reopen(&mut self) {
        self.store = Self::connect(&self.schema.0, &self.clock).await;
        let schema = &self.schema.0;
        let living = format!(
            "SELECT id::text FROM {schema}.server WHERE state < 2 UNION SELECT server::text FROM {schema}.claim_page"
        );
        for row in client().await.query(&living, &[]).await.expect("the tables are there") {
            let hex = row.get::<_, String>(0).replace('-', "");
            let bytes: Vec<u8> =
                (0..32).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect();
            let server = ServerId::from_bytes(bytes.try_into().expect("16 bytes"));
            self.store.declare_dead(server, "its process ended unexpectedly").await.expect("the database is there");
        }
    }
}

/// An empty store.
pub(crate) async fn postgres() -> Postgres {
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    let schema = Schema::take();
    empty(&schema.0).await;
    let store = Postgres::connect(&schema.0, &clock).await;
    let second = Postgres::connect(&schema.0, &clock).await;
    Postgres { store, second, clock, schema }
}

async fn empty(schema: &str) {
    let client = client().await;
    let there = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&format!("{schema}.gate")]).await;
    if !there.expect("the database is there").get::<_, bool>(0) {
        return;
    }
    // The test before may have ended in the middle of something.
    if direct().is_some() {
        // The connections of a pooler belong to no test.
        return clear(&client, schema).await;
    }
    let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = $1";
    client.query(end, &[&schema]).await.expect("the database is there");
    clear(&client, schema).await;
}

async fn clear(client: &Client, schema: &str) {
    let tables = "run lane claim_page end_page state_count minute_count unique_key control bucket server log_page schedule kind \
                  enqueued turn turn_key family child awaited family_news served_key due_count";
    let delete: Vec<String> = tables.split(' ').map(|table| format!("DELETE FROM {schema}.{table};")).collect();
    let delete = delete.concat();
    let reset = format!(
        "{delete} UPDATE {schema}.counter SET n = CASE name WHEN 'schedule' THEN 1 ELSE 0 END; \
         UPDATE {schema}.gate SET turn = 0, controls_revision = 1"
    );
    client.batch_execute(&reset).await.expect("the tables are there");
}

impl Postgres {
    pub(crate) fn now(&self) -> Timestamp {
        longhaul_core::Clock::now(&self.clock)
    }
}
