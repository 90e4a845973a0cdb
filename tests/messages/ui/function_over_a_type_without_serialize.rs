//! The same as `metadata_without_serialize`, with a function.

use longhaul::{AnyError, Context, Longhaul, Success};

struct Export {
    table: String,
}

fn main() {
    let _ = Longhaul::builder().task_fn("export-csv", |ctx: Context<Export, ()>| async move {
        Success::with_result(ctx.metadata().table.len()).for_error::<AnyError>()
    });
}
