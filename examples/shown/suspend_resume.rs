//! A run that waits for events from outside, and counts them: each one finds it by a business key and lets it go on.
//!
//! `cargo run -p longhaul-examples --example suspend_resume`
//!
//! While it waits, it costs nothing: no thread, no memory but an entry in an index. It may wait for months, and across
//! any number of restarts.

use longhaul::{
    AnyError, Client, Context, ExecutionResult, Longhaul, ProceedRunError, StateKind, Success, Suspended, Task,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    number: u32,
    parcels: u32,
}

/// What has happened so far.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Delivery {
    delivered: u32,
    last_signed_by: String,
}

struct TrackOrder;

impl Task for TrackOrder {
    const NAME: &'static str = "track-order";
    type Metadata = Order;
    type ExecutionMetadata = Delivery;
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Order, Delivery>) -> ExecutionResult<String, AnyError> {
        while let Some(signed_by) = ctx.proceeded_with::<String>()? {
            ctx.update(|seen| {
                seen.delivered += 1;
                seen.last_signed_by = signed_by;
            });
        }
        let (delivered, signed_by) = ctx.read(|seen| (seen.delivered, seen.last_signed_by.clone()));
        println!("attempt {}: {delivered} of {} parcels", ctx.attempt().number, ctx.metadata().parcels);
        if delivered < ctx.metadata().parcels {
            return Suspended::for_result().for_error(); // until the next event
        }
        Success::with_result(format!("the last parcel was signed for by {signed_by}")).for_error()
    }
}

/// What the carrier's web hook does. It knows the order's number, and nothing of runs.
async fn on_delivery(client: &Client, order: u32, signed_by: &'static str) -> Result<(), ProceedRunError> {
    client
        .find::<TrackOrder>()
        .with_tag("order", order)
        .proceed_with(signed_by.to_owned()) // stored with the run, whatever it is doing
        .await?;
    Ok(())
}

fn server(folder: &std::path::Path) -> Result<Longhaul, Box<dyn std::error::Error>> {
    Ok(Longhaul::builder().store(longhaul::open(folder)?).task(TrackOrder).start()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let first = server(folder.path())?;
    let run = first.client().enqueue::<TrackOrder>(Order { number: 7, parcels: 3 }).tag("order", 7).await?;
    let id = run.id();

    until_suspended(&first.client(), id).await?;
    on_delivery(&first.client(), 7, "ann").await?;
    until_suspended(&first.client(), id).await?;
    match on_delivery(&first.client(), 8, "ben").await {
        Err(ProceedRunError::NotFound) => println!("nobody waits for order 8"),
        other => panic!("{other:?}"),
    }
    first.shutdown(std::time::Duration::from_secs(5)).await;
    drop(run); // a handle holds the store open

    println!("— the process ends, and another begins —");
    let second = server(folder.path())?;
    for signed_by in ["ben", "cleo"] {
        until_suspended(&second.client(), id).await?;
        on_delivery(&second.client(), 7, signed_by).await?;
    }
    let outcome = second.client().run::<TrackOrder>(id).outcome().await?;
    println!("{}", outcome.completed().ok_or("it did not complete")?);
    second.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}

/// Only so that this example prints the same each time: an event that comes before the run suspends waits for it.
async fn until_suspended(client: &Client, id: longhaul::RunId) -> Result<(), longhaul::OutcomeError> {
    let run = client.run::<TrackOrder>(id);
    let mut status = run.status().await?;
    while status.state() != StateKind::Suspended {
        status = run.changed(&status).await?;
    }
    Ok(())
}
