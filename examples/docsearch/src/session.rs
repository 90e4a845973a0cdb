//! What is there when the program starts: nothing, a run to go on with, or a finished index.

use std::{error::Error, path::Path};

use docsearch_engine::{Folder, IndexDocs, Progress, Published, published, sweep};
use longhaul::{Client, ResumedFrom, RetryFrom, RetryRunError, RunHandle, RunStatus, StateKind};

use crate::{build::index_folder, input};

pub(crate) type Run = RunHandle<IndexDocs>;
pub(crate) type Status = RunStatus<IndexDocs>;

pub(crate) enum Session {
    /// A run that is not final, and how it was left.
    Unfinished(Run, Status),
    /// The run that built the index which answers queries.
    Finished(Status, Published),
    Nothing,
}

impl Session {
    pub(crate) async fn find(client: &Client, data: &Path) -> Result<Self, Box<dyn Error>> {
        let mut runs = client.find::<IndexDocs>().all().await?;
        if let Some(at) = runs.iter().position(|found| !found.status.state().is_final()) {
            let found = runs.swap_remove(at);
            return Ok(Self::Unfinished(found.run, found.status));
        }
        let Some(index) = published(&index_folder(data))? else { return Ok(Self::Nothing) };
        let built_it = runs.into_iter().find(|found| found.run.id().to_string() == index.label);
        Ok(built_it.map_or(Self::Nothing, |found| Self::Finished(found.status, index)))
    }

    /// Nothing any more: what was unfinished is called off, what is finished is not looked at.
    pub(crate) async fn forget(self) -> Result<Self, Box<dyn Error>> {
        if let Self::Unfinished(run, _) = self {
            run.cancel().because("begun anew with --fresh").await?;
        }
        Ok(Self::Nothing)
    }

    /// Refuses another input than the one of the run that is there.
    pub(crate) fn check_input(&self, named: Option<&Path>, data: &Path) -> Result<(), Box<dyn Error>> {
        let (input, what) = match self {
            Self::Unfinished(_, status) => (status.metadata()?.input, "an unfinished"),
            Self::Finished(_, index) => (index.input.clone(), "the finished"),
            Self::Nothing => return Ok(()),
        };
        match named.filter(|named| *named != input) {
            None => Ok(()),
            Some(named) => Err(format!(
                "{} holds {what} index of {}. For {}, name another folder with --data DIR, or begin anew with --fresh",
                data.display(),
                input.display(),
                named.display(),
            )
            .into()),
        }
    }
}

/// A new run.
pub(crate) async fn begin(client: &Client, named: Option<&Path>, data: &Path) -> Result<(Run, Status), Box<dyn Error>> {
    let input = named.map_or_else(input::default, |named| Ok(named.to_owned()))?;
    sweep(&index_folder(data), None)?;
    let run = client.enqueue::<IndexDocs>(Folder { input }).await?;
    let status = run.status().await?;
    Ok((run, status))
}

/// Brings a run forward that waits for its next attempt: whoever starts the program has mended what held it up.
pub(crate) async fn bring_forward(run: &Run, status: &Status) -> Result<(), Box<dyn Error>> {
    if !matches!(status.state(), StateKind::Retrying | StateKind::Incompatible) {
        return Ok(());
    }
    match run.retry(RetryFrom::Checkpoint).await {
        // An earlier process brought it forward and did not come to claim it.
        Ok(_) | Err(RetryRunError::Nothing { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The line that says how the run begins.
pub(crate) fn opening_line(status: &Status) -> Result<String, Box<dyn Error>> {
    let id = status.id();
    let at = done_of_total(&status.execution_metadata()?);
    Ok(match status.resumes_from() {
        ResumedFrom::Crash => format!("RECOVERED {id} at {at} (after a crash)"),
        ResumedFrom::Failure => format!("RESUMED {id} at {at} (after a failure)"),
        ResumedFrom::Interruption | ResumedFrom::Suspension => format!("RESUMED {id} at {at} (suspended)"),
        _ => format!("STARTED {id}"),
    })
}

/// How far a run is, whatever its step: files read, of files listed.
pub(crate) fn done_of_total(progress: &Progress) -> String {
    format!("{}/{}", progress.files_done, progress.files)
}
