//! A thousand parcels, each a run of its own, and a truck that leaves when all are packed.
//!
//! `cargo run -p longhaul-examples --example fan_out`
//!
//! The parent waits without a slot, is woken once, and tries again what failed. Progress over all children costs the same
//! however many there are.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use longhaul::{
    AnyError, ChildCounts, Context, ExecutionResult, Failure, Longhaul, RetryFrom, RunHandle, RunOutcome, StateKind,
    Success, Suspended, Task,
};

/// One parcel. The tape is missing for number 500, until somebody brings some.
struct Pack;

static TAPE: AtomicBool = AtomicBool::new(false);

impl Task for Pack {
    const NAME: &'static str = "pack";
    type Metadata = u32;
    type ExecutionMetadata = ();
    type Output = u32; // grams
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u32, ()>) -> ExecutionResult<u32, AnyError> {
        let number = *ctx.metadata();
        if number == 500 && !TAPE.load(Ordering::Acquire) {
            return Failure::for_result().permanently().with_error(AnyError::msg("no tape"));
        }
        Success::with_result(100 + number).for_error()
    }
}

struct LoadTruck;

impl Task for LoadTruck {
    const NAME: &'static str = "load-truck";
    type Metadata = u32; // how many parcels
    type ExecutionMetadata = ();
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u32, ()>) -> ExecutionResult<String, AnyError> {
        // In each attempt: a parcel that was enqueued before stays as it is.
        let parcels = (1..=*ctx.metadata()).map(|number| (format!("parcel {number}"), number));
        ctx.enqueue_children::<Pack>(parcels).await?;
        let packed = ctx.children().await?;
        if packed.failed > 0 {
            println!("the truck: {packed}, so the tape is brought");
            TAPE.store(true, Ordering::Release);
            ctx.select_children().state(StateKind::Failed).not_retried().retry(RetryFrom::Checkpoint).await?;
        }
        if ctx.children().await?.open() > 0 {
            return Suspended::for_result().on_all_children().for_error(); // holds no slot
        }
        let last = ctx.child::<Pack>("parcel 500").await?.ok_or_else(|| AnyError::msg("it was enqueued"))?;
        let grams = last.outcome_now()?.and_then(RunOutcome::completed).unwrap_or_default();
        Success::with_result(format!("the truck leaves with {packed} parcels; number 500 has {grams} g")).for_error()
    }
}

/// What a page would show, now and then.
async fn watch(run: &RunHandle<LoadTruck>) -> Result<ChildCounts, Box<dyn std::error::Error>> {
    let mut status = run.status().await?;
    while !status.state().is_final() {
        status = run.changed(&status).await?;
    }
    Ok(run.children().await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = longhaul::open(folder.path())?;
    // One slot: a parent that held it would wait for ever.
    let server = Longhaul::builder().store(store).concurrency(1).task(Pack).task(LoadTruck).start()?;
    let run = server.client().enqueue::<LoadTruck>(1000).await?;
    let counts = watch(&run).await?;
    println!("all parcels: {counts}, {} ends", counts.ends);
    println!("{}", run.outcome().await?.completed().ok_or("it did not complete")?);
    println!("the parent was executed {} times", run.status().await?.run().attempts);
    server.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
