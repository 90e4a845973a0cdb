//! The request has no `#[derive(Serialize, Deserialize)]`.

use longhaul::{AnyError, Context, ExecutionResult, Success, Task};

struct Export {
    table: String,
}

struct ExportCsv;

impl Task for ExportCsv {
    const NAME: &'static str = "export-csv";
    type Metadata = Export;
    type ExecutionMetadata = ();
    type Output = usize;
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Export, ()>) -> ExecutionResult<usize, AnyError> {
        Success::with_result(ctx.metadata().table.len()).for_error()
    }
}

fn main() {}
