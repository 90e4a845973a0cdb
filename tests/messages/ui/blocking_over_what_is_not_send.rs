//! A closure for another thread holds something that belongs to this one.

use std::rc::Rc;

use longhaul::{AnyError, Context, ExecutionResult, Stopped, Success};

async fn execute(ctx: &Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
    let step = Rc::new(1);
    let sum = ctx.blocking(move |ctx| -> Result<u64, Stopped> { Ok(ctx.update(|x| *x + *step)) }).await?;
    Ok(Success(sum))
}

fn main() {}
