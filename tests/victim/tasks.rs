//! The tasks of the victim.

use std::time::Duration;

use longhaul::{
    AnyError, Backoff, Context, EmptyError, ExecutionResult, Failure, RetryPolicy, Success, Suspended, Task,
    TaskOptions,
};
use serde::{Deserialize, Serialize};

use crate::say::say;

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Steps {
    pub(crate) seed: u64,
    pub(crate) steps: u32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct At {
    pub(crate) step: u32,
    pub(crate) sum: u64,
    pub(crate) proceeded: u32,
    suspended: bool,
    failed: bool,
    /// Makes each checkpoint longer than the one before, so that values move between places.
    ballast: Vec<u8>,
}

/// Walks some steps with a checkpoint each. Every third run suspends once on the way, every fifth fails once.
pub(crate) struct Walk;

impl Task for Walk {
    const NAME: &'static str = "walk";
    type Metadata = Steps;
    type ExecutionMetadata = At;
    type Output = u64;
    type Error = AnyError;

    fn options() -> TaskOptions {
        TaskOptions::default().retry(RetryPolicy::default().crashes(1000).backoff(Backoff::Fixed(Duration::ZERO)))
    }

    async fn execute(&self, ctx: &Context<Steps, At>) -> ExecutionResult<u64, AnyError> {
        let Steps { seed, steps } = *ctx.metadata();
        let info = ctx.attempt();
        say!("start {} {} {}", info.run, info.number, ctx.read(|at| at.step));
        while ctx.read(|at| at.step) < steps {
            ctx.update(|at| {
                at.step += 1;
                at.sum += seed;
                at.ballast.resize(at.step as usize * 700, 7);
            });
            ctx.checkpoint().await?;
            say!("checkpoint {} {} {}", info.run, info.number, ctx.read(|at| at.step));
            let half_way = ctx.read(|at| at.step) == steps / 2;
            if half_way && seed % 3 == 0 && !ctx.read(|at| at.suspended) {
                ctx.update(|at| at.suspended = true);
                return Suspended::for_result().for_error();
            }
            if half_way && seed % 5 == 0 && !ctx.read(|at| at.failed) {
                ctx.update(|at| at.failed = true);
                return Failure::for_result().with_error(AnyError::msg("once"));
            }
        }
        Success::with_result(ctx.read(|at| at.sum)).for_error()
    }
}

/// Never stops by itself, and counts without ever making a checkpoint.
pub(crate) struct Stubborn;

impl Task for Stubborn {
    const NAME: &'static str = "stubborn";
    type Metadata = ();
    type ExecutionMetadata = u64;
    type Output = ();
    type Error = EmptyError;

    async fn execute(&self, ctx: &Context<(), u64>) -> ExecutionResult<(), EmptyError> {
        say!("start {} {} {}", ctx.attempt().run, ctx.attempt().number, ctx.read(|count| *count));
        ctx.update(|count| *count += 1);
        std::future::pending().await
    }
}

/// Takes its process down.
pub(crate) struct Suicide;

impl Task for Suicide {
    const NAME: &'static str = "suicide";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = ();
    type Error = EmptyError;

    async fn execute(&self, ctx: &Context<String, ()>) -> ExecutionResult<(), EmptyError> {
        say!("start {} {} 0", ctx.attempt().run, ctx.attempt().number);
        match ctx.metadata().as_str() {
            "exit" => std::process::exit(3),
            "overflow" => std::process::exit(deeper(0)),
            "memory" => {
                let mut taken = Vec::<Vec<u8>>::new();
                loop {
                    taken.push(vec![1; 1 << 24]);
                }
            }
            _ => std::process::abort(),
        }
    }
}

/// Calls itself until the stack is used up.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: i32) -> i32 {
    let page = std::hint::black_box([depth; 1024]);
    deeper(depth + 1) + page[depth as usize % 1024]
}
