//! Expenses that somebody has to approve: a signal, with a time after which nobody is waited for.
//!
//! `cargo run -p longhaul-examples --example approval`
//!
//! While a run waits it costs nothing, and it may wait across any number of restarts. The signal is durable when the call
//! returns: it may come before the run waits for it, or while no server is up.

use std::{sync::Arc, time::Duration};

use longhaul::{
    AnyError, Client, Context, ExecutionResult, Longhaul, Proceeded, SignalError, Success, Suspended, Task,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Expense {
    number: u32,
    amount: u32,
    /// How long to wait for an answer.
    patience: Duration,
}

/// What the person who decides sends.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Approval {
    by: String,
    granted: bool,
}

/// How far a run is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Asked {
    was_asked: bool,
    answer: Option<Approval>,
}

struct PayExpense;

impl Task for PayExpense {
    const NAME: &'static str = "pay-expense";
    type Metadata = Expense;
    type ExecutionMetadata = Asked;
    type Output = String;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Expense, Asked>) -> ExecutionResult<String, AnyError> {
        let Expense { number, amount, patience } = ctx.metadata();
        if *amount < 100 {
            return Success::with_result(format!("expense {number}: paid without asking")).for_error();
        }
        if let Some(answer) = ctx.signal::<Approval>("approval")? {
            ctx.update(|asked| asked.answer = Some(answer)); // taken, and what came of it, are kept together
        }
        let result = match ctx.read(|asked| (asked.was_asked, asked.answer.clone())) {
            (_, Some(Approval { by, granted: true })) => format!("expense {number}: paid, approved by {by}"),
            (_, Some(Approval { by, granted: false })) => format!("expense {number}: refused by {by}"),
            (true, None) => format!("expense {number}: nobody answered, so it is refused"),
            (false, None) => {
                ctx.update(|asked| asked.was_asked = true);
                return Suspended::for_result().on_signal("approval").or_go_on_after(*patience).for_error();
            }
        };
        Success::with_result(result).for_error()
    }
}

/// What the button in the mail does. It knows the number of the expense, and may be pressed twice.
async fn on_click(client: &Client, expense: u32, by: &str, granted: bool) -> Result<(), SignalError> {
    let approval = Approval { by: by.to_owned(), granted };
    let key = format!("answer of {by}");
    let find = client.find::<PayExpense>().with_tag("expense", expense);
    for (_, sent) in find.signal("approval", approval).idempotency_key(key).await? {
        match sent {
            Proceeded::Repeated => println!("{by} has answered already"),
            _ => println!("{by} answers for expense {expense}"),
        }
    }
    Ok(())
}

fn server(folder: &std::path::Path) -> Result<Longhaul, Box<dyn std::error::Error>> {
    Ok(Longhaul::builder().store(longhaul::open(folder)?).task(PayExpense).start()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let hour = Duration::from_secs(3600);
    let mut ids = Vec::new();

    // No server executes them yet: whoever answers early is heard all the same.
    let client = Client::new(Arc::new(longhaul::open(folder.path())?));
    let moment = Duration::from_millis(20);
    for (number, amount, patience) in [(1, 20, hour), (2, 800, hour), (3, 900, hour), (4, 500, moment)] {
        let expense = Expense { number, amount, patience };
        ids.push(client.enqueue::<PayExpense>(expense).tag("expense", number).await?.id());
    }
    on_click(&client, 2, "ann", true).await?;
    on_click(&client, 2, "ann", true).await?;
    client.store().close().await;
    drop(client);

    println!("— a server begins —");
    let server = server(folder.path())?;
    on_click(&server.client(), 3, "ben", false).await?;
    for id in ids {
        let outcome = server.client().run::<PayExpense>(id).outcome().await?;
        println!("{}", outcome.completed().ok_or("it did not complete")?);
    }
    match on_click(&server.client(), 4, "cleo", true).await {
        Err(SignalError::NotFound) => println!("cleo answers too late"),
        other => panic!("{other:?}"),
    }
    server.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
