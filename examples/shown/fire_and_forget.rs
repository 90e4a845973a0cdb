//! Work that an answer does not wait for, and a shutdown does. It is not stored: a crash loses it. What must happen all
//! the same is a run.
//!
//! `cargo run -p longhaul-examples --example fire_and_forget`

use std::{error::Error, time::Duration};

use longhaul::{AnyError, Background, Context, ExecutionResult, Longhaul, Success, Task};
use tokio::sync::oneshot;

/// What must not get lost: stored, tried again, executed by the next process if this one dies.
struct Invoice;

impl Task for Invoice {
    const NAME: &'static str = "invoice";
    type Metadata = u32;
    type ExecutionMetadata = ();
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u32, ()>) -> ExecutionResult<String, AnyError> {
        Success::with_result(format!("invoice of order {}", ctx.metadata())).for_error()
    }
}

/// What may: a mail that says thank you.
async fn thank(customer: &str) -> Result<(), AnyError> {
    tokio::task::yield_now().await; // … the mail server takes its time …
    if customer.contains('@') { Ok(()) } else { Err(AnyError::msg(format!("`{customer}` is no address"))) }
}

/// A handler of a web server: it answers before the mail is sent.
fn order(background: &Background, customer: &'static str) -> Result<&'static str, Box<dyn Error>> {
    background.spawn("thanks", move |token| async move {
        match token.run_until_cancelled(thank(customer)).await {
            Some(sent) => sent,
            None => Err(AnyError::msg("no time left to send it")), // the server is shutting down
        }
    })?;
    Ok("202 Accepted")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let server = Longhaul::builder().store(longhaul::open(folder.path())?).task(Invoice).start()?;
    let background = server.background();

    println!("ann: {}", order(&background, "ann@example.org")?);
    println!("bob: {}", order(&background, "bob")?);
    background.idle().await;
    let status = background.status();
    println!("{} ended, {} failed", status.ended, status.failed);
    if let Some(failure) = status.last_failure {
        println!("the last one, {}: {}", failure.name, failure.message);
    }

    let invoice = server.client().enqueue::<Invoice>(7).await?;
    println!("{}", invoice.outcome().await?.completed().unwrap_or_default());

    // A thread of its own, which a shutdown waits for within the grace.
    let (begun, has_begun) = oneshot::channel();
    server.spawn_blocking("thumbnails", move |token| {
        let _ = begun.send(());
        let mut pages = 0_u64;
        while !token.is_cancelled() {
            pages += 1; // … compute …
            std::hint::spin_loop();
        }
        if pages > 0 { Ok(()) } else { Err("nothing was done") }
    })?;
    has_begun.await?;
    println!("in flight: {:?}", background.status().running);
    let report = server.shutdown(Duration::from_secs(5)).await;
    println!("{} lost in the shutdown, {} ended", report.background.len(), background.status().ended);
    if let Err(refused) = order(&background, "eve@example.org") {
        println!("eve: {refused}");
    }
    Ok(())
}
