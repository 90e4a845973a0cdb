//! A report every night at two, Berlin time: declared in code, looked after at run time, kept across restarts.
//!
//! `cargo run -p longhaul-examples --example nightly`

use std::{error::Error, path::Path, time::Duration};

use longhaul::{AnyError, Context, ExecutionResult, Longhaul, Missed, NewSchedule, Schedule, Success, Task};
use serde::{Deserialize, Serialize};

/// What each run of the schedule is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    about: String,
}

struct WriteReport;

impl Task for WriteReport {
    const NAME: &'static str = "write-report";
    type Metadata = Report;
    type ExecutionMetadata = ();
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Report, ()>) -> ExecutionResult<String, AnyError> {
        Success::with_result(format!("all is well with the {}", ctx.metadata().about)).for_error()
    }
}

fn start(folder: &Path) -> Result<Longhaul, Box<dyn Error>> {
    let nightly = Schedule::cron("0 2 * * *", "Europe/Berlin")
        .missed(Missed::Once) // after a fortnight without the server: one report, not fourteen
        .jitter(Duration::from_secs(300));
    let accounts = Report { about: "accounts".into() };
    let server = Longhaul::builder()
        .store(longhaul::open(folder)?)
        .task(WriteReport)
        .schedule_with(NewSchedule::<WriteReport>::new("nightly", nightly, accounts).tag("team", "billing"))
        .start()?;
    Ok(server)
}

async fn first(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("-- the first process");
    let server = start(folder)?;
    server.schedules_ready().await;
    let schedules = server.client().schedules();
    let info = schedules.get("nightly").await?;
    println!("{}: {}", info.name(), info.describe()?);
    for time in info.schedule().timetable()?.preview("2026-03-28T12:00:00Z".parse()?, 2) {
        println!("  {time}");
    }

    // Nobody waits until two at night.
    let run = server.client().run::<WriteReport>(schedules.trigger("nightly").await?);
    println!("by hand: {}", run.outcome().await?.completed().unwrap_or_default());
    schedules.pause("nightly").acting_as("ann").because("the ledger is being moved").await?;
    server.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

async fn second(folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("-- the second process");
    let server = start(folder)?;
    let schedules = server.client().schedules();
    let info = schedules.get("nightly").await?;
    if let Some(paused) = info.paused() {
        println!("paused by {}: {}", paused.by, paused.why.as_deref().unwrap_or("no reason"));
    }
    println!("runs so far: {}", info.counts().enqueued);
    let info = schedules.resume("nightly").await?;
    println!("resumed: {}", info.paused().is_none() && info.next()?.is_some());
    server.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    first(folder.path()).await?;
    second(folder.path()).await
}
