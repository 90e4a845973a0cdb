//! Two servers on one database, and a run that outlives the one that began it.
//!
//! `./scripts/postgres run -- cargo run -p longhaul-examples --example two_servers`
//!
//! Or with a database of your own in `DATABASE_URL`. This process is a client: it starts the two servers as processes,
//! enqueues a run, and kills the server that has it with `kill -9`. The other one goes on from the last checkpoint.

use std::{
    env,
    error::Error,
    process::{Child, Command},
    sync::Arc,
    time::Duration,
};

use longhaul::{
    AnyError, Client, Context, ExecutionResult, Longhaul, Success, Task,
    postgres::{ConnectError, Options, PostgresStore},
};

struct CopyRows;

const ROWS: u64 = 100;

impl Task for CopyRows {
    const NAME: &'static str = "copy-rows";
    type Metadata = u64;
    type ExecutionMetadata = u64;
    /// The process that copied the last row.
    type Output = u32;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u64, u64>) -> ExecutionResult<u32, AnyError> {
        let rows = *ctx.metadata();
        ctx.progress().step(&format!("process {}", std::process::id()));
        while ctx.read(|at| *at < rows) {
            #[expect(clippy::disallowed_methods, reason = "the time that it takes to copy a row")]
            let copied = tokio::time::sleep(Duration::from_millis(20));
            ctx.until_stopped(copied).await?;
            let at = ctx.update(|at| {
                *at += 1;
                *at
            });
            ctx.progress().set(at, rows);
            ctx.checkpoint().await?; // in the database when it returns
        }
        Success::with_result(std::process::id()).for_error()
    }
}

/// Where this program would say `longhaul::open("./data")` on one machine.
async fn store() -> Result<PostgresStore, ConnectError> {
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "host=localhost user=postgres".into());
    PostgresStore::connect_with(&url, Options::default().schema("two_servers")).await
}

/// What each of the two processes does, until it is killed.
async fn serve() -> Result<(), Box<dyn Error>> {
    // Whoever does not say for a second that it lives is taken to be dead. The default is 15 seconds.
    let server = Longhaul::builder().store(store().await?).task(CopyRows).lease(Duration::from_secs(1)).start()?;
    server.run_until_signal().await?;
    Ok(())
}

struct Server(Child);

impl Server {
    fn start() -> Result<Self, std::io::Error> {
        Command::new(env::current_exe()?).arg("serve").spawn().map(Self)
    }

    /// `kill -9`.
    fn kill(&mut self) -> Result<(), std::io::Error> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        _ = self.kill();
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if env::args().any(|argument| argument == "serve") {
        return serve().await;
    }
    let client = Client::new(Arc::new(store().await?));
    let mut servers = [Server::start()?, Server::start()?];
    let run = client.enqueue::<CopyRows>(ROWS).await?;
    println!("enqueued: copy {ROWS} rows");

    let mut progress = run.progress();
    let (at, first) = loop {
        let told = progress.next().await?.ok_or("it ended too soon")?;
        if told.done >= 10 {
            break (told.done, told.step);
        }
    };
    println!("one of two servers has it, and has copied 10 rows");

    let has_it = |server: &&mut Server| format!("process {}", server.0.id()) == *first;
    servers.iter_mut().find(has_it).ok_or("neither has it")?.kill()?;
    println!("kill -9");

    let after = loop {
        let told = progress.next().await?.ok_or("it ended too soon")?;
        if told.step != first {
            break told.done;
        }
    };
    assert!(after >= at, "what a checkpoint kept is never done again");
    println!("the other one goes on where the first one was");

    let last = run.outcome().await?.completed().ok_or("it did not complete")?;
    assert_ne!(format!("process {last}"), *first);
    println!("done: {ROWS} rows, {} attempts", run.status().await?.attempts());
    Ok(())
}
