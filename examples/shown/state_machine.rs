//! An order's life as a state machine: one handler a state, each transition durable, a wait in the middle, and the end of
//! the process in the middle of that.
//!
//! `cargo run -p longhaul-examples --example state_machine`
//!
//! Leave a state out of the `match`, and it does not compile.

use longhaul::{AnyError, Context, ExecutionResult, Longhaul, RunId, StateKind, Step, Task};
use serde::{Deserialize, Serialize};

/// Where an order is, with what is known there and nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Order {
    #[default]
    Placed,
    AwaitingPayment {
        cents: u64,
    },
    Paid {
        receipt: String,
    },
    Packed {
        parcels: u32,
    },
}

struct Fulfil;

impl Task for Fulfil {
    const NAME: &'static str = "fulfil-order";
    type Metadata = Vec<String>; // the articles
    type ExecutionMetadata = Order;
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Vec<String>, Order>) -> ExecutionResult<String, AnyError> {
        ctx.run_states(|state| async move {
            println!("{state:?}");
            Ok(match state {
                Order::Placed => Step::to(Order::AwaitingPayment { cents: 250 * ctx.metadata().len() as u64 }),
                // Whoever hears of the payment proceeds the run to `Paid`.
                Order::AwaitingPayment { .. } => Step::suspend(),
                Order::Paid { receipt } => {
                    // Not repeated by a later attempt once it was done; the key tells the carrier of a repetition
                    // that a crash may cause.
                    let parcels = ctx.effect("book the carrier", |key| book(key.to_string(), receipt)).await?;
                    Step::to(Order::Packed { parcels })
                }
                Order::Packed { parcels } => Step::done(format!("{parcels} parcels are on their way")),
            })
        })
        .await
    }
}

async fn book(_key: String, _receipt: String) -> Result<u32, AnyError> {
    tokio::task::yield_now().await; // a call of the carrier
    Ok(2)
}

async fn until_suspended(server: &Longhaul, id: RunId) -> Result<(), longhaul::OutcomeError> {
    let run = server.client().run::<Fulfil>(id);
    let mut status = run.status().await?;
    while status.state() != StateKind::Suspended {
        status = run.changed(&status).await?;
    }
    println!("— suspended in step {} —", status.progress().step);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let start = || -> Result<Longhaul, Box<dyn std::error::Error>> {
        Ok(Longhaul::builder().store(longhaul::open(folder.path())?).task(Fulfil).start()?)
    };

    let server = start()?;
    let articles = vec!["a lamp".to_owned(), "a chair".to_owned()];
    let id = server.client().enqueue::<Fulfil>(articles).await?.id();
    until_suspended(&server, id).await?;
    server.shutdown(std::time::Duration::from_secs(5)).await;

    println!("— another process —");
    let server = start()?;
    let run = server.client().run::<Fulfil>(id);
    run.proceed().modify(|order| *order = Order::Paid { receipt: "R-7".into() }).await?;
    println!("{}", run.outcome().await?.completed().ok_or("it did not complete")?);
    server.shutdown(std::time::Duration::from_secs(5)).await;
    Ok(())
}
