//! A server that is made to be killed. What it says on standard output has happened: each line is written, in one call,
//! after the fact is durable, so that whoever reads the pipe knows what must be there afterwards.
//!
//! ```text
//! victim FOLDER serve COUNT      enqueues COUNT runs, executes whatever is there, until it is killed or told to end
//! victim FOLDER drain            executes what is there until all is final, then tells how each run ended
//! victim FOLDER stubborn GRACE   executes one run that never stops by itself, with GRACE milliseconds at shutdown
//! victim FOLDER suicide HOW      ten harmless runs, and one that kills the process whenever it runs: by abort, exit,
//!                                overflow (of the stack) or memory (until there is none)
//! victim FOLDER fill             enqueues and executes runs until the store takes no more
//! victim FOLDER trickle COUNT    enqueues COUNT runs, one after the other, and executes none
//! victim FOLDER open             opens the store and closes it
//! victim FOLDER open-within SECONDS   the same, given up after so long without a sign of life, or at a signal
//! victim FOLDER write-within SECONDS  enqueues until the store takes no more, and an engine that hangs for so long ends it
//! victim FOLDER reread           opens the store, and reads all of it once there is a line on standard input
//! victim FOLDER inspect          tells what is there, and executes nothing
//! victim FOLDER verify           reads all that is there, and fails if any of it is damaged
//! victim FOLDER stuck            executes one run that blocks the only thread
//! victim FOLDER cramped          starts when no more files can be opened
//! victim FOLDER grow LIVE FANOUT  grows trees of runs, LIVE of them not done at first, until it is killed
//! victim FOLDER harvest          executes trees until all is final, then tells how each run came out
//! victim FOLDER large COUNT      executes COUNT runs of 100 KiB and ten checkpoints, then lets go of them
//! ```

mod engine;
mod large;
mod say;
mod stuck;
mod tasks;
mod trees;

use std::{error::Error, sync::Arc, time::Duration};

use longhaul::{Builder, Client, Longhaul, StateKind, signal::Signals};

use say::say;
use tasks::{Steps, Stubborn, Suicide, Walk};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.get(1).map(String::as_str) {
        Some("stuck") => stuck::stuck(&arguments[0]),
        Some("cramped") => stuck::cramped(&arguments[0]),
        _ => on_two_threads(&arguments),
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_threads(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let argument = |at: usize| arguments.get(at).map(String::as_str).unwrap_or_default();
    let number = || argument(2).parse::<u64>();
    let server = || -> Result<Builder, Box<dyn Error>> {
        Ok(Longhaul::builder()
            .store(longhaul::open(argument(0))?)
            .task(Walk)
            .task(Stubborn)
            .task(Suicide)
            .concurrency(16)
            .autosave(Duration::from_millis(20)))
    };
    match argument(1) {
        "serve" => {
            let signals = Signals::listen()?;
            serve(server()?.start()?, number()?, signals).await
        }
        "drain" => drain(server()?.start()?).await,
        "stubborn" => {
            // Before the run starts and says so: the signal comes right after.
            let signals = Signals::listen()?;
            stubborn(server()?.grace(Duration::from_millis(number()?)).start()?, signals).await
        }
        "suicide" => suicide(server()?.start()?, argument(2)).await,
        "fill" => fill(server()?.start()?).await,
        "trickle" => trickle(&Client::new(Arc::new(longhaul::open(argument(0))?)), number()?).await,
        "open" => {
            longhaul::open(argument(0))?;
            say!("ended");
            Ok(())
        }
        "open-within" => engine::open(argument(0), number()?).await,
        "write-within" => engine::write(argument(0), number()?).await,
        "reread" => engine::reread(argument(0)).await,
        "inspect" => inspect(&Client::new(Arc::new(longhaul::open(argument(0))?))).await,
        "verify" => verify(argument(0)).await,
        "grow" => trees::grow(trees::registered(server()?).start()?, number()? as usize, argument(3).parse()?).await,
        "harvest" => trees::harvest(trees::registered(server()?).start()?).await,
        "large" => large::large(argument(0), number()?).await,
        other => Err(format!("`{other}` is no mode; see the head of tests/victim/main.rs").into()),
    }
}

async fn serve(server: Longhaul, count: u64, signals: Signals) -> Result<(), Box<dyn Error>> {
    let client = server.client();
    say!("serving");
    for worker in 0..4 {
        let client = client.clone();
        tokio::spawn(async move {
            for nth in 0..count.div_ceil(4) {
                enqueue(&client, worker * 1000 + nth).await;
            }
        });
    }
    tokio::spawn(proceed_all(client));
    let report = server.run_until(signals).await?;
    for stopped in &report.suspended {
        say!("suspended {}", stopped.id);
    }
    for dropped in &report.dropped {
        say!("dropped {}", dropped.id);
    }
    say!("ended");
    Ok(())
}

/// Enqueues one run, and waits for its outcome in the background.
async fn enqueue(client: &Client, seed: u64) {
    let steps = 3 + (seed % 7) as u32;
    let Ok(run) = client.enqueue::<Walk>(Steps { seed, steps }).tag("seed", seed).await else { return };
    say!("enqueued {} {seed} {steps}", run.id());
    tokio::spawn(async move {
        if let Ok(outcome) = run.outcome().await {
            say!("outcome {} {}", run.id(), outcome.completed().unwrap_or_default());
        }
    });
}

/// Lets suspended runs go on, as an outside event would.
async fn proceed_all(client: Client) {
    loop {
        for found in client.find::<Walk>().suspended().all().await.unwrap_or_default() {
            let _ = found.run.proceed().modify(|at| at.proceeded += 1).await;
        }
        tokio::task::yield_now().await;
    }
}

async fn drain(server: Longhaul) -> Result<(), Box<dyn Error>> {
    let client = server.client();
    let proceeding = tokio::spawn(proceed_all(client.clone()));
    for found in client.find::<Walk>().all().await? {
        found.run.outcome().await?;
    }
    proceeding.abort();
    for found in client.find::<Walk>().all().await? {
        let metadata = found.status.metadata()?;
        let at = found.status.execution_metadata()?;
        let result = found.run.outcome().await?.completed().unwrap_or_default();
        let counts = found.status.run().counts;
        say!(
            "final {} {} {} {} {result} {} {}",
            found.run.id(),
            metadata.seed,
            found.status.attempts(),
            at.step,
            counts.failures,
            counts.interruptions
        );
    }
    server.shutdown(Duration::from_secs(5)).await;
    say!("ended");
    Ok(())
}

async fn fill(server: Longhaul) -> Result<(), Box<dyn Error>> {
    let client = server.client();
    tokio::spawn(proceed_all(client.clone()));
    for _ in 0..4 {
        let client = client.clone();
        tokio::spawn(async move {
            for seed in (1..).step_by(2) {
                let steps = 3 + (seed % 7) as u32;
                match client.enqueue::<Walk>(Steps { seed, steps }).await {
                    Ok(run) => say!("enqueued {} {seed} {steps}", run.id()),
                    Err(error) => return say!("refused {error}"),
                }
            }
        });
    }
    let error = server.broken().await;
    // Its last words, if any, come before this one.
    server.shutdown(Duration::from_secs(1)).await;
    say!("broken {error}");
    Ok(())
}

async fn trickle(client: &Client, count: u64) -> Result<(), Box<dyn Error>> {
    for seed in 0..count {
        let run = client.enqueue::<Walk>(Steps { seed, steps: 1 }).await?;
        say!("enqueued {} {seed} 1", run.id());
    }
    say!("ended");
    Ok(())
}

async fn inspect(client: &Client) -> Result<(), Box<dyn Error>> {
    for found in client.find::<Walk>().all().await? {
        let (metadata, at) = (found.status.metadata()?, found.status.execution_metadata()?);
        if found.status.state().is_final() {
            let result = found.run.outcome().await?.completed();
            say!("final {} {} {} {result:?}", found.run.id(), metadata.seed, at.step);
        } else {
            say!("live {} {} {} {}", found.run.id(), metadata.seed, at.step, at.sum);
        }
    }
    say!("ended");
    Ok(())
}

async fn verify(folder: &str) -> Result<(), Box<dyn Error>> {
    let report = longhaul::open(folder)?.verify().await?;
    if !report.problems.is_empty() {
        return Err(format!("{report:?}").into());
    }
    say!("ended");
    Ok(())
}

async fn stubborn(server: Longhaul, signals: Signals) -> Result<(), Box<dyn Error>> {
    let client = server.client();
    if client.find::<Stubborn>().count().await? == 0 {
        client.enqueue::<Stubborn>(()).await?;
    }
    let report = server.run_until(signals).await?;
    say!("suspended {} dropped {}", report.suspended.len(), report.dropped.len());
    say!("ended");
    Ok(())
}

async fn suicide(server: Longhaul, how: &str) -> Result<(), Box<dyn Error>> {
    let client = server.client();
    if client.find::<Suicide>().count().await? == 0 {
        for seed in 0..10 {
            enqueue(&client, seed).await;
        }
        let run = client.enqueue::<Suicide>(how.into()).priority(1).await?;
        say!("guilty {}", run.id());
    }
    tokio::spawn(proceed_all(client.clone()));
    for found in client.find::<Walk>().all().await? {
        found.run.outcome().await?;
    }
    for found in client.find::<Suicide>().all().await? {
        found.run.outcome().await?;
        let status = found.run.status().await?;
        let (state, attempts) = (status.state(), status.attempts());
        say!("guilty {} {state} {attempts} {}", status.id(), status.last_error().unwrap_or_default());
    }
    let crashed = client.find::<Walk>().matching(|_, _| true).all().await?;
    let counted = crashed.iter().filter(|found| found.status.run().counts.crashes > 0).count();
    let completed = crashed.iter().filter(|found| found.status.state() == StateKind::Completed).count();
    say!("innocent {} completed {completed} counted {counted}", crashed.len());
    server.shutdown(Duration::from_secs(5)).await;
    say!("ended");
    Ok(())
}
