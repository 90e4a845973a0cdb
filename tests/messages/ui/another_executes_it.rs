//! A value is registered for a definition that it does not execute.

use longhaul::{AnyError, Longhaul, TaskDefinition};

struct Resize;

impl TaskDefinition for Resize {
    const NAME: &'static str = "resize";
    type Metadata = String;
    type ExecutionMetadata = ();
    type Output = u64;
    type Error = AnyError;
}

struct Resizer;

fn main() {
    let _ = Longhaul::builder().execute::<Resize>(Resizer);
}
