//! How you test your own task: proved resumable in one line, and played through on a clock that you move.
//!
//! `cargo run -p longhaul-examples --example own_tests` runs the checks that `cargo test` would run in your crate.

use std::time::Duration;

use longhaul::{
    AnyError, Context, ExecutionResult, StateKind, Success, Suspended, Task,
    testing::{TestServer, interrupt_everywhere},
};
use serde::{Deserialize, Serialize};

/// Sends a letter to each subscriber, a hundred a day.
struct Newsletter;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sent {
    letters: u32,
    /// Of today.
    today: u32,
}

const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
const PER_DAY: u32 = 100;

impl Task for Newsletter {
    const NAME: &'static str = "newsletter";
    type Metadata = u32; // subscribers
    type ExecutionMetadata = Sent;
    type Output = u32;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<u32, Sent>) -> ExecutionResult<u32, AnyError> {
        while ctx.read(|sent| sent.letters < *ctx.metadata()) {
            if ctx.read(|sent| sent.today == PER_DAY) {
                ctx.update(|sent| sent.today = 0);
                return Suspended::for_result().after(A_DAY).for_error();
            }
            // … send it, with `ctx.effect` if a second letter would be embarrassing …
            ctx.update(|sent| {
                sent.letters += 1;
                sent.today += 1;
            });
            ctx.checkpoint().await?;
        }
        Success::with_result(ctx.read(|sent| sent.letters)).for_error()
    }
}

/// Stops it and kills it at each checkpoint and at each await, resumes it, and compares result and execution metadata.
async fn a_newsletter_can_be_broken_off_anywhere() {
    let report = interrupt_everywhere(Newsletter, 20).await;
    println!("broken off {} times, always with the same end", report.interruptions);
}

/// Three days pass in no time.
async fn a_hundred_letters_are_sent_a_day() -> Result<(), Box<dyn std::error::Error>> {
    let server = TestServer::start(|builder| builder.task(Newsletter));
    let run = server.client().enqueue::<Newsletter>(250).await?;
    for day in 1..=3 {
        server.run_until_idle().await;
        let status = run.status().await?;
        println!("day {day}: {} letters, {}", status.execution_metadata()?.letters, status.state());
        server.advance(A_DAY);
    }
    assert_eq!(run.status().await?.state(), StateKind::Completed);
    assert_eq!(run.outcome().await?.completed(), Some(250));
    Ok(())
}

/// A step of a task, without a server.
async fn a_step_keeps_what_it_did() {
    let (ctx, attempt) = longhaul::testing::context(1_u32, Sent::default()).await;
    let ended = Newsletter.execute(&ctx).await;
    assert!(ended.is_ok());
    assert_eq!(attempt.kept::<Sent>().await, Sent { letters: 1, today: 1 });
    println!("a step keeps what it did");
}

/// In a crate of yours, these are functions under `#[tokio::test]`.
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    a_newsletter_can_be_broken_off_anywhere().await;
    a_hundred_letters_are_sent_a_day().await?;
    a_step_keeps_what_it_did().await;
    Ok(())
}
