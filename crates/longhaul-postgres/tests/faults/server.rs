//! A server as a process of its own, and the task that it executes.

use std::{
    io::{BufRead, BufReader, Write as _},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use longhaul::{AnyError, Backoff, Context, ExecutionResult, Longhaul, RetryPolicy, Success, Task, TaskOptions};
use longhaul_postgres::PostgresStore;
use serde::{Deserialize, Serialize};

use super::SUMS;

/// The database, as this process shall reach it.
const URL: &str = "LONGHAUL_FAULTS_URL";
/// An attempt whose connection was lost is tried again.
const SOON: Duration = Duration::from_millis(20);

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Steps {
    pub(crate) steps: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct At {
    step: u64,
    sum: u64,
}

/// Adds the numbers of its steps, and says each fact once it holds. It completes with a row in a table of its own.
pub(crate) struct Add {
    store: PostgresStore,
    url: String,
}

impl Task for Add {
    const NAME: &'static str = "add";
    type Metadata = Steps;
    type ExecutionMetadata = At;
    type Output = u64;
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default()
            .retry(RetryPolicy::default().crashes(100_000).attempts(100_000).backoff(Backoff::Fixed(SOON)))
    }

    async fn execute(&self, ctx: &Context<Steps, At>) -> ExecutionResult<u64, AnyError> {
        let (run, attempt) = (ctx.attempt().run, ctx.attempt().number);
        say(&format!("start {run} {attempt} {}", ctx.read(|at| at.step)));
        while ctx.read(|at| at.step) < ctx.metadata().steps {
            ctx.update(|at| {
                at.step += 1;
                at.sum += at.step;
            });
            ctx.checkpoint().await?;
            say(&format!("kept {run} {attempt} {}", ctx.read(|at| at.step)));
            ctx.until_stopped(super::pause(20)).await?;
        }
        let sum = ctx.read(|at| at.sum);
        let mut db = self.connect().await?;
        let tx = db.transaction().await?;
        let success = ctx.complete_in(&self.store, &tx, &sum).await?;
        let insert = format!("INSERT INTO {SUMS} VALUES ('{run}', {sum})");
        tx.batch_execute(&insert).await?;
        tx.commit().await?;
        success.committed();
        Success::with_result(sum).for_error()
    }
}

impl Add {
    async fn connect(&self) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
    }
}

fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n> {what}").and_then(|()| out.flush()).expect("somebody listens");
}

/// A server, where the test starts this file as a process of its own; nothing otherwise.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process of the other test"]
async fn server() {
    let Ok(url) = std::env::var(URL) else { return };
    let store = super::connect(&url).await;
    let server = Longhaul::builder()
        .store(store.clone())
        .task(Add { store, url })
        .concurrency(4)
        .lease(Duration::from_secs(1))
        .start()
        .expect("a server starts");
    // Until it is killed.
    std::future::pending::<()>().await;
    drop(server);
}

pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn start(url: &str, lines: &mpsc::Sender<String>) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this is a file"))
            .args(["--exact", "server::server", "--ignored", "--nocapture"])
            .env(URL, url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process starts");
        let (out, lines) = (process.stdout.take().expect("it is piped"), lines.clone());
        std::thread::spawn(move || {
            // It may be killed in the middle of a line.
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some(said) = line.strip_prefix("> ") {
                    lines.send(said.to_owned()).expect("the test reads them at its end");
                }
            }
        });
        Self(process)
    }

    pub(crate) fn kill(&mut self) {
        assert_eq!(self.0.try_wait().expect("it is ours"), None, "a server ended by itself");
        self.0.kill().expect("it is there");
        self.0.wait().expect("it is ours");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.expect("there is a kill").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
