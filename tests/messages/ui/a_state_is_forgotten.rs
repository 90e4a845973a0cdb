//! A state that has no handler does not compile.

use longhaul::{AnyError, Context, ExecutionResult, Step, Task};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Order {
    #[default]
    Placed,
    Paid,
    Shipped,
}

struct Fulfil;

impl Task for Fulfil {
    const NAME: &'static str = "fulfil";
    type Metadata = ();
    type ExecutionMetadata = Order;
    type Output = ();
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<(), Order>) -> ExecutionResult<(), AnyError> {
        ctx.run_states(|state| async move {
            Ok(match state {
                Order::Placed => Step::to(Order::Paid),
                Order::Shipped => Step::done(()),
            })
        })
        .await
    }
}

fn main() {}
