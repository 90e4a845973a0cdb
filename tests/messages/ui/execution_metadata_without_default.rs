//! It is not said where a fresh run begins.

use longhaul::{AnyError, Context, ExecutionResult, Success, Task};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Cursor {
    at: u64,
}

struct Count;

impl Task for Count {
    const NAME: &'static str = "count";
    type Metadata = ();
    type ExecutionMetadata = Cursor;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<(), Cursor>) -> ExecutionResult<u64, AnyError> {
        Success::with_result(ctx.read(|cursor| cursor.at)).for_error()
    }
}

fn main() {}
