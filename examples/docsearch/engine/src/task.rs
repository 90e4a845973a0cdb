//! The task of the demo: one unit of work, one checkpoint, until all is done.

use std::{path::PathBuf, sync::Arc, time::Duration};

use longhaul::{Backoff, Context, ExecutionResult, Failure, RetryPolicy, Success, Task, TaskOptions};
use serde::{Deserialize, Serialize};

use super::{Engine, IndexError, Pace, Progress, Step, Summary};

/// What is asked: the metadata of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// The folder to index; an absolute path, since the next process may be started elsewhere.
    pub input: PathBuf,
}

/// Builds a full-text index of a folder. What it needs is held by its value, and may differ in the next process: the
/// data may have been moved, and another pace be wanted.
#[derive(Clone, Debug)]
pub struct IndexDocs {
    /// Where the index is built.
    pub index: PathBuf,
    /// How fast files are read.
    pub pace: Pace,
}

impl Task for IndexDocs {
    const NAME: &'static str = "index-docs";
    type Metadata = Folder;
    type ExecutionMetadata = Progress;
    type Output = Summary;
    type Error = IndexError;

    fn options() -> TaskOptions {
        // A full disk stays full until somebody makes room and starts the demo again, which brings the retry forward.
        // And to be killed is what the demo is for: so often that it must not pass for a task that kills its process.
        let hourly = Backoff::Fixed(Duration::from_secs(60 * 60));
        TaskOptions::default().retry(RetryPolicy::default().attempts(1000).crashes(100).backoff(hourly))
    }

    async fn execute(&self, ctx: &Context<Folder, Progress>) -> ExecutionResult<Summary, IndexError> {
        let label = ctx.attempt().run.to_string();
        let engine = Arc::new(Engine::new(&self.index, &label, &ctx.metadata().input, self.pace));
        loop {
            let from = ctx.read(Progress::clone);
            if let Step::Done(summary) = from.step {
                return Success::with_result(summary).for_error();
            }
            let (lap, files_before, engine) = (self.pace.start(), from.files_done, engine.clone());
            let advanced = ctx.blocking(move |ctx| engine.advance(&from, &|| ctx.ensure_active().is_err())).await;
            let next = match advanced {
                Ok(Some(next)) => next,
                Ok(None) => {
                    ctx.ensure_active()?;
                    continue;
                }
                Err(error) if error.can_pass() => return Failure::for_result().with_error(error),
                Err(error) => return Failure::for_result().permanently().with_error(error),
            };
            let (files_read, (done, total)) = (next.files_done - files_before, next.within_step());
            ctx.progress().step(next.name().1).set(done.into(), (total > 0).then_some(total.into()));
            ctx.update(|progress| *progress = next);
            ctx.checkpoint().await?;
            ctx.until_stopped(lap.stretch(files_read)).await?;
        }
    }
}
