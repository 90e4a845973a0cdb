//! Two servers as real processes on one database: one is killed, or stopped for longer than its lease.

mod common;

use std::{
    io::{BufRead, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use common::{client, url};
use longhaul::{AnyError, Client, Context, ExecutionResult, Longhaul, RetryPolicy, RunId, Success, Task, TaskOptions};
use longhaul_postgres::{Options, PostgresStore};
use serde::{Deserialize, Serialize};

/// The schema of the test that this process is a server of.
const SCHEMA: &str = "LONGHAUL_TEST_SCHEMA";

#[derive(Debug, Serialize, Deserialize)]
struct Steps {
    steps: u32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct At {
    step: u32,
}

/// Walks steps, and says each on its standard output once it is kept. Goes on only where a line on its standard input
/// lets it.
struct Walk;

impl Task for Walk {
    const NAME: &'static str = "walk";
    type Metadata = Steps;
    type ExecutionMetadata = At;
    type Output = u32;
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default().retry(RetryPolicy::default().crashes(100))
    }

    async fn execute(&self, ctx: &Context<Steps, At>) -> ExecutionResult<u32, AnyError> {
        say(&format!("start {}", ctx.read(|at| at.step)));
        while ctx.read(|at| at.step) < ctx.metadata().steps {
            ctx.update(|at| at.step += 1);
            ctx.checkpoint().await?;
            say(&format!("kept {}", ctx.read(|at| at.step)));
            ctx.until_stopped(tokio::task::spawn_blocking(heard)).await??;
        }
        Success::with_result(ctx.read(|at| at.step)).for_error()
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n> {what}").and_then(|()| out.flush()).expect("somebody listens");
}

fn heard() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("there is a standard input");
}

async fn connect(schema: &str) -> PostgresStore {
    let options = Options::default().schema(schema).connections(4).poll(Duration::from_millis(50));
    PostgresStore::connect_with(&url(), options).await.expect("the database is there")
}

/// A server, where a test starts this file as a process of its own; nothing otherwise.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of the other tests"]
async fn server() {
    let Ok(schema) = std::env::var(SCHEMA) else { return };
    let server = Longhaul::builder()
        .store(connect(&schema).await)
        .task(Walk)
        .lease(Duration::from_secs(1))
        .start()
        .expect("a server starts");
    say("ready");
    // Until it is killed.
    std::future::pending::<()>().await;
    drop(server);
}

struct Server {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Server {
    fn start(schema: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this is a file"))
            .args(["--exact", "server", "--ignored", "--nocapture"])
            .env(SCHEMA, schema)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process starts");
        let lines = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut server = Self { process, lines };
        assert_eq!(server.next(), "ready");
        server
    }

    /// The next thing that it says.
    fn next(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).expect("it is piped") > 0, "the server ended");
            if let Some(said) = line.strip_prefix("> ") {
                return said.trim().to_owned();
            }
        }
    }

    /// Lets its task go on.
    fn go_on(&mut self) {
        let stdin = self.process.stdin.as_mut().expect("it is piped");
        stdin.write_all(b"\n").and_then(|()| stdin.flush()).expect("it listens");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

async fn enqueued(schema: &str, steps: u32) -> (Client, RunId) {
    client().await.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await.expect("it works");
    let client = Client::new(Arc::new(connect(schema).await));
    let run = client.enqueue::<Walk>(Steps { steps }).await.expect("it is kept").id();
    (client, run)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_process_is_killed_goes_on_in_another_from_its_last_checkpoint() {
    let schema = "servers_killed";
    let (client, run) = enqueued(schema, 3).await;
    let mut first = Server::start(schema);
    assert_eq!([first.next(), first.next()], ["start 0", "kept 1"]);
    first.go_on();
    assert_eq!(first.next(), "kept 2");
    let mut second = Server::start(schema);
    first.signal("-KILL");
    assert_eq!([second.next(), second.next()], ["start 2", "kept 3"]);
    second.go_on();
    let outcome = client.run::<Walk>(run).outcome().await.expect("it ends");
    assert_eq!(outcome.completed(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_stopped_for_longer_than_its_lease_writes_nothing_any_more() {
    let schema = "servers_stopped";
    let (client, run) = enqueued(schema, 3).await;
    let mut first = Server::start(schema);
    assert_eq!([first.next(), first.next()], ["start 0", "kept 1"]);
    let mut second = Server::start(schema);
    first.signal("-STOP");
    assert_eq!([second.next(), second.next()], ["start 1", "kept 2"]);
    first.go_on();
    first.signal("-CONT");
    second.go_on();
    assert_eq!(second.next(), "kept 3");
    second.go_on();
    let outcome = client.run::<Walk>(run).outcome().await.expect("it ends");
    assert_eq!(outcome.completed(), Some(3));
    assert_eq!(client.run::<Walk>(run).status().await.expect("it is there").attempts(), 2);
}
