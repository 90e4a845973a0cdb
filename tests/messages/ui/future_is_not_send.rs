//! Something that belongs to one thread is held over an await.

use std::rc::Rc;

use longhaul::{AnyError, Context, ExecutionResult, Success, Task};

struct Count;

impl Task for Count {
    const NAME: &'static str = "count";
    type Metadata = ();
    type ExecutionMetadata = u64;
    type Output = u64;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<(), u64>) -> ExecutionResult<u64, AnyError> {
        let step = Rc::new(1);
        ctx.update(|x| *x += *step);
        ctx.checkpoint().await?;
        Success::with_result(*step).for_error()
    }
}

fn main() {}
