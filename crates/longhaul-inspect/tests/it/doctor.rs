//! What needs a look.

use std::time::Duration;

use longhaul::{AnyError, Context, ExecutionResult, StateKind, Success, Task, testing::TestServer};
use longhaul_inspect::Inspector;

/// Keeps a large value once, and goes on until it is stopped.
struct Hoard;

impl Task for Hoard {
    const NAME: &'static str = "hoard";
    type Metadata = usize;
    type ExecutionMetadata = Vec<u8>;
    type Output = ();
    type Error = AnyError;
    async fn execute(&self, ctx: &Context<usize, Vec<u8>>) -> ExecutionResult<(), AnyError> {
        if *ctx.metadata() > 0 {
            ctx.update(|kept| kept.resize(*ctx.metadata(), 7));
            ctx.checkpoint().await?;
        }
        ctx.progress().step("hoarding");
        ctx.cancellation().cancelled().await;
        Success::with_result(()).for_error()
    }
}

#[tokio::test]
async fn the_doctor_names_runs_without_checkpoints_and_those_that_keep_too_much() {
    let server = TestServer::start(|builder| builder.task(Hoard).concurrency(2));
    let inspector = Inspector::new(server.client());
    let quiet = server.client().enqueue::<Hoard>(0).await.unwrap().id();
    let large = server.client().enqueue::<Hoard>(300 << 10).await.unwrap().id();
    for (id, has_checkpoint) in [(quiet, false), (large, true)] {
        let mut seen = 0;
        loop {
            let snapshot = inspector.changed(id, seen).await.unwrap();
            seen = snapshot.run.revision;
            if snapshot.run.state.kind() == StateKind::Running && (snapshot.run.seq > 0) == has_checkpoint {
                break;
            }
        }
    }
    let codes = |of: String| {
        let inspector = inspector.clone();
        async move {
            let warnings = inspector.doctor().await.unwrap().warnings;
            let about = warnings.into_iter().filter(|warning| warning.about.as_deref() == Some(&of));
            about.map(|warning| warning.code).collect::<Vec<_>>()
        }
    };
    assert_eq!(codes(quiet.to_string()).await, [""; 0]);
    assert_eq!(codes(large.to_string()).await, ["large_execution_metadata"]);
    server.advance(Duration::from_secs(3700));
    assert_eq!(codes(quiet.to_string()).await, ["no_checkpoint"]);
    assert_eq!(codes(large.to_string()).await, ["large_execution_metadata"]);
}
