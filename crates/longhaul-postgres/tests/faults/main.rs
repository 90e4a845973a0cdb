//! Servers as real processes, killed, stopped and cut off at random, on a database that is not spared either.
//!
//! `LONGHAUL_FAULT_ROUNDS=200 ./scripts/postgres run -- cargo test -p longhaul-postgres --test faults`

#[path = "../common/mod.rs"]
mod common;
mod gate;
mod history;
mod proxy;
mod random;
mod server;

use std::{
    collections::BTreeSet,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use common::{client, url};
use longhaul::{Client, EnqueueError, OutcomeError, RunId};
use longhaul_core::{
    ControlChange, Kind, Limits, Scope, StateKind,
    store::{Filter, prelude::*},
};
use longhaul_postgres::{Options, PostgresStore};

use crate::{
    history::{Fact, History},
    proxy::{Fault, Proxy},
    random::Random,
    server::{Add, Server, Steps},
};

const SCHEMA: &str = "faults";
/// The table of the tasks: a row for each run, written in the transaction that completes it.
const SUMS: &str = "faults_sums";
/// So many runs may execute at once, over all servers.
const LIMIT: u32 = 5;
const SERVERS: usize = 3;

/// The database is stopped by one test, so they take turns with it.
static DATABASE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// How long a fault lasts.
#[expect(clippy::disallowed_methods, reason = "a fault lasts for a while")]
async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

async fn connect(url: &str) -> PostgresStore {
    let options = || Options::default().schema(SCHEMA).connections(4).poll(Duration::from_millis(50));
    loop {
        match PostgresStore::connect_with(url, options()).await {
            Ok(store) => return store,
            Err(error) if error.is_transient() => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Everything that the rounds change.
struct Scene {
    random: Random,
    proxy: Proxy,
    servers: Vec<Server>,
    lines: mpsc::Sender<String>,
    /// Goes through the proxy, as the servers do.
    enqueues: Client,
    acknowledged: Vec<(RunId, u64)>,
}

impl Scene {
    async fn enqueue(&mut self, history: &mut History) {
        for _ in 0..5 {
            let steps = 3 + self.random.below(8);
            let run = self.enqueues.enqueue::<Add>(Steps { steps }).prepare().expect("it is small");
            match run.clone().send(&self.enqueues).await {
                Ok(_) => {
                    history.add(Fact::Enqueued { run: run.id().to_string(), steps });
                    self.acknowledged.push((run.id(), steps));
                }
                // It may be there or not.
                Err(EnqueueError::Store(error)) => assert!(error.is_transient(), "{error}"),
                Err(error) => panic!("{error}"),
            }
        }
    }

    async fn fault(&mut self) -> &'static str {
        let nth = self.random.below(SERVERS as u64) as usize;
        match self.random.below(7) {
            0 => {
                self.servers[nth].kill();
                self.servers[nth] = Server::start(self.proxy.url(), &self.lines);
                "killed a server"
            }
            1 => {
                self.servers[nth].signal("-STOP");
                // Longer than its lease, or shorter.
                pause(200 + self.random.below(2500)).await;
                self.servers[nth].signal("-CONT");
                "stopped a server, and let it go on"
            }
            2 => {
                let end = format!(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = '{SCHEMA}' AND random() < 0.7"
                );
                client().await.batch_execute(&end).await.expect("the tests own the database");
                "terminated backends"
            }
            3 => {
                self.proxy.set(Fault::Cut);
                pause(self.random.below(300)).await;
                self.proxy.set(Fault::None);
                "cut all connections"
            }
            4 => {
                self.proxy.set(Fault::LoseCommit);
                pause(100 + self.random.below(300)).await;
                self.proxy.set(Fault::None);
                "lost the answers to commits"
            }
            5 => {
                self.proxy.set(Fault::Delay(20));
                pause(500).await;
                self.proxy.set(Fault::None);
                "delayed everything"
            }
            _ => match std::env::var("LONGHAUL_POSTGRES_RESTART") {
                Ok(restart) => {
                    let done = Command::new(restart).status().expect("it is a program");
                    assert!(done.success(), "the database was started again");
                    "stopped the database at once, and started it again"
                }
                Err(_) => "left the database alone: it was not started by ./scripts/postgres",
            },
        }
    }
}

/// Looks at how many run, as often as it can, by a connection of its own.
async fn watch_limit(over: Arc<AtomicBool>) -> u32 {
    let count = format!("SELECT count(*) FROM {SCHEMA}.run WHERE state = 1");
    let mut most = 0;
    let mut watch = None;
    while !over.load(Ordering::Acquire) {
        let connected = match watch.take() {
            Some(watch) => watch,
            None => match tokio_postgres::connect(&url(), tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    client
                }
                Err(_) => continue,
            },
        };
        // Where the database was stopped meanwhile, it is asked again.
        if let Ok(row) = connected.query_one(&count, &[]).await {
            most = most.max(u32::try_from(row.get::<_, i64>(0)).expect("few run"));
            watch = Some(connected);
        }
        pause(5).await;
    }
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_fails_no_acknowledged_fact_is_lost_and_every_run_ends_once() {
    let _turn = DATABASE.lock().await;
    let rounds = std::env::var("LONGHAUL_FAULT_ROUNDS").map_or(8, |rounds| rounds.parse().expect("a number"));
    client().await.batch_execute(&format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")).await.expect("it works");
    let make = format!("DROP TABLE IF EXISTS {SUMS}; CREATE TABLE {SUMS} (run text, sum int8)");
    client().await.batch_execute(&make).await.expect("it works");
    let direct = connect(&url()).await;
    let limits = Limits { running: Some(LIMIT), ..Limits::NONE };
    let scope = Scope::Kind(Kind::new("add").expect("a kind"));
    direct.control(scope, ControlChange::Set(Some(limits))).await.expect("it works");

    let proxy = Proxy::start(&url()).await;
    let (lines, heard) = mpsc::channel();
    let servers = (0..SERVERS).map(|_| Server::start(proxy.url(), &lines)).collect();
    let enqueues = Client::new(Arc::new(connect(proxy.url()).await));
    let random = Random::seeded();
    let mut scene = Scene { random, proxy, servers, lines, enqueues, acknowledged: Vec::new() };
    let over = Arc::new(AtomicBool::new(false));
    let watching = tokio::spawn(watch_limit(over.clone()));

    let mut history = History::default();
    for round in 0..rounds {
        scene.enqueue(&mut history).await;
        let what = scene.fault().await;
        eprintln!("round {round}: {what}");
    }
    // The faults end. Then every run does.
    scene.enqueue(&mut history).await;
    let runs = Client::new(Arc::new(direct.clone()));
    for (run, _) in &scene.acknowledged {
        let result = loop {
            match runs.run::<Add>(*run).outcome().await {
                Ok(outcome) => break outcome.completed(),
                Err(OutcomeError::Store(error)) if error.is_transient() => {}
                Err(error) => panic!("{run}: {error}"),
            }
        };
        history.add(Fact::Ended { run: run.to_string(), result });
    }
    // Those whose enqueueing was not acknowledged, too.
    let all: BTreeSet<StateKind> = StateKind::ALL.into_iter().filter(|state| !state.is_final()).collect();
    let unfinished = Filter { states: all.into_iter().collect(), ..Filter::default() };
    while direct.count(unfinished.clone()).await.expect("the database is there") > 0 {
        pause(20).await;
    }
    let completed = Filter { states: vec![StateKind::Completed], ..Filter::default() };
    let completed = direct.count(completed).await.expect("the database is there");
    let rows = format!("SELECT run, count(*), min(sum) FROM {SUMS} GROUP BY run");
    let rows = client().await.query(&rows, &[]).await.expect("it works");
    assert_eq!(rows.len() as u64, completed, "each run that was completed has left a row, and no other");
    for row in rows {
        history.add(Fact::Rows { run: row.get(0), rows: row.get(1), sum: row.get::<_, i64>(2) as u64 });
    }
    over.store(true, Ordering::Release);
    let most = watching.await.expect("no panic");
    assert!(most > 1, "it was watched: {most}");
    history.add(Fact::Running { most, allowed: LIMIT });
    for server in &mut scene.servers {
        server.kill();
    }
    drop(scene);
    for line in heard {
        history.hear(&line);
    }
    let violations = history.violations();
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(history.starts() >= rounds, "hardly anything was executed");
}
