//! What the examples in the documentation share.

use serde::{Deserialize, Serialize};

use crate::{AnyError, Client, Context, ExecutionResult, Longhaul, Success, Task, testing};

/// Counts.
#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "examples build it")]
pub struct Count {
    /// Up to here.
    pub to: u64,
}

/// How far it has counted.
#[derive(Debug, Default, Serialize, Deserialize)]
#[expect(clippy::exhaustive_structs, reason = "examples build it")]
pub struct Cursor {
    /// Up to here.
    pub at: u64,
}

/// Counts up, with a checkpoint at each number.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "examples build it")]
pub struct CountUp;

impl Task for CountUp {
    const NAME: &'static str = "count-up";
    type Metadata = Count;
    type ExecutionMetadata = Cursor;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Count, Cursor>) -> ExecutionResult<u64, AnyError> {
        while ctx.read(|cursor| cursor.at) < ctx.metadata().to {
            ctx.update(|cursor| cursor.at += 1);
            ctx.checkpoint().await?;
        }
        Success::with_result(ctx.read(|cursor| cursor.at)).for_error()
    }
}

/// A server in memory that executes [`CountUp`].
pub fn server() -> Longhaul {
    Longhaul::builder().store(testing::memory_store()).task(CountUp).start().expect("all is said")
}

/// A client of [`server`], which lives on as long as the example.
pub fn client() -> Client {
    let server = server();
    let client = server.client();
    std::mem::forget(server);
    client
}
