//! A trip: flight, hotel, payment. If one of them cannot be had, what was booked before is given back, the last first.
//!
//! `cargo run -p longhaul-examples --example saga`
//!
//! A saga needs no engine of its own: it is a list of what was done, kept in the execution metadata, and a loop that undoes
//! it. Each step is an effect, so a step that was done is not done twice, and its idempotency key is the same in each
//! attempt. The program breaks the task off at every point, and compares how it ends.

use std::sync::{Arc, Mutex};

use longhaul::{
    AnyError, Context, ExecutionResult, Failure, IdempotencyKey, RunOutcome, Success, Task,
    testing::{Interruptions, TestServer},
};
use serde::{Deserialize, Serialize};

/// What can be booked, and given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Step {
    Flight,
    Hotel,
    Payment,
}

const STEPS: [Step; 3] = [Step::Flight, Step::Hotel, Step::Payment];

/// The other companies. They know a booking by its key, so asking twice books once.
#[derive(Debug, Default, Clone)]
struct Outside(Arc<Mutex<Vec<(String, Step)>>>);

impl Outside {
    fn book(&self, step: Step, key: &IdempotencyKey, card: &str) -> Result<(), String> {
        if step == Step::Payment && card == "empty" {
            return Err("the card was declined".into());
        }
        let mut booked = self.0.lock().map_err(|_| "nobody panics")?;
        if !booked.iter().any(|(known, _)| *known == key.to_string()) {
            booked.push((key.to_string(), step));
        }
        Ok(())
    }

    fn give_back(&self, step: Step) -> Result<(), AnyError> {
        self.0.lock().map_err(|_| AnyError::msg("nobody panics"))?.retain(|(_, booked)| *booked != step);
        Ok(())
    }

    fn booked(&self) -> Vec<Step> {
        self.0.lock().map(|booked| booked.iter().map(|(_, step)| *step).collect()).unwrap_or_default()
    }
}

/// How far a trip is.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Done {
    steps: Vec<Step>,
    /// Why it is being undone.
    refused: Option<String>,
}

struct BookTrip(Outside);

impl Task for BookTrip {
    const NAME: &'static str = "book-trip";
    type Metadata = String; // the card
    type ExecutionMetadata = Done;
    type Output = Vec<Step>;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<String, Done>) -> ExecutionResult<Vec<Step>, AnyError> {
        for step in STEPS {
            if ctx.read(|done| done.refused.is_some()) {
                break;
            }
            // Before it is asked for: what may have been booked is undone, too.
            if !ctx.read(|done| done.steps.contains(&step)) {
                ctx.update(|done| done.steps.push(step));
                ctx.checkpoint().await?;
            }
            // An answer that came is remembered: the step is not asked for again.
            let book = |key: IdempotencyKey| async move { Ok::<_, AnyError>(self.0.book(step, &key, ctx.metadata())) };
            if let Err(why) = ctx.effect(&format!("book {step:?}"), book).await? {
                ctx.update(|done| done.refused = Some(why));
                ctx.checkpoint().await?;
            }
        }
        let Some(why) = ctx.read(|done| done.refused.clone()) else {
            return Success::with_result(ctx.read(|done| done.steps.clone())).for_error();
        };
        // The last first. A step that cannot be undone now fails the attempt, and the next one goes on with it.
        while let Some(step) = ctx.read(|done| done.steps.last().copied()) {
            self.0.give_back(step)?;
            ctx.update(|done| done.steps.pop());
            ctx.checkpoint().await?;
        }
        Failure::for_result().permanently().with_error(AnyError::msg(why))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let outside = Outside::default();
    let task = BookTrip(outside.clone());
    let server = TestServer::start(|builder| builder.task(task));
    for card in ["full", "empty"] {
        let run = server.client().enqueue::<BookTrip>(card.to_owned()).await?;
        match run.outcome().await? {
            RunOutcome::Completed(steps) => println!("the {card} card: booked {steps:?}"),
            RunOutcome::Failed { failure, .. } => println!("the {card} card: {}", failure.message),
            RunOutcome::Cancelled { .. } => println!("the {card} card: cancelled"),
        }
        println!("the other companies have {:?}", outside.booked());
        outside.0.lock().map_err(|_| "nobody panics")?.clear();
    }
    for card in ["full", "empty"] {
        let outside = Outside::default();
        let make = outside.clone();
        Interruptions::fresh(move || BookTrip(make.clone())).check::<BookTrip>(card.to_owned()).await;
        let left = if card == "full" { "each trip is booked" } else { "nothing is left of any" };
        assert_eq!(outside.booked().is_empty(), card == "empty");
        assert_eq!(outside.booked().len() % STEPS.len(), 0, "no trip is booked in part");
        println!("killed and stopped at every point with the {card} card: {left}");
    }
    Ok(())
}
