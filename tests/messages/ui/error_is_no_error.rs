//! A text is handed on with `?`, as if it were an error.

use longhaul::{AnyError, Context, ExecutionResult, Success};

async fn execute(ctx: &Context<u64, ()>) -> ExecutionResult<u64, AnyError> {
    if *ctx.metadata() == 0 {
        Err("there is nothing to do")?;
    }
    Success::with_result(1).for_error()
}

fn main() {}
