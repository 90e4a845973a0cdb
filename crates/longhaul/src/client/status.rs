//! A run at one moment, typed.

use longhaul_core::{Ended, Envelope, History, Progress, Run, RunId, Snapshot, StateKind};

use crate::{
    attempt::ResumedFrom,
    definition::{Definition, TaskTypes},
    values::ReadError,
};

/// A run at one moment.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::StateKind;
///
/// let status = client.enqueue::<CountUp>(Count { to: 3 }).await?.status().await?;
/// assert_eq!((status.state(), status.attempts(), status.metadata()?.to), (StateKind::Pending, 0, 3));
/// # Ok(())
/// # }
/// ```
pub struct RunStatus<T: TaskTypes> {
    snapshot: Snapshot,
    definition: Definition<T>,
}

impl<T: TaskTypes> Clone for RunStatus<T> {
    fn clone(&self) -> Self {
        Self { snapshot: self.snapshot.clone(), definition: self.definition.clone() }
    }
}

impl<T: TaskTypes> std::fmt::Debug for RunStatus<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}) is {}", self.id(), self.run().kind, self.state())
    }
}

impl<T: TaskTypes> RunStatus<T> {
    pub(super) fn new(snapshot: Snapshot, definition: Definition<T>) -> Self {
        Self { snapshot, definition }
    }

    /// Its name.
    pub fn id(&self) -> RunId {
        self.snapshot.run.id
    }

    /// Where it is in its life.
    pub fn state(&self) -> StateKind {
        self.snapshot.run.state.kind()
    }

    /// Attempts so far, those that were interrupted or suspended included.
    pub fn attempts(&self) -> u32 {
        self.snapshot.run.epoch.0
    }

    /// What its next attempt resumes from, or, while it runs, what the present one did.
    pub fn resumes_from(&self) -> ResumedFrom {
        self.snapshot.run.last_end.into()
    }

    /// Everything but its values.
    pub fn run(&self) -> &Run {
        &self.snapshot.run
    }

    /// What was asked.
    pub fn metadata(&self) -> Result<T::Metadata, ReadError> {
        self.definition.read_metadata(&self.snapshot.metadata)
    }

    /// How far it is, as kept last.
    pub fn execution_metadata(&self) -> Result<T::ExecutionMetadata, ReadError> {
        self.definition.read_execution_metadata(self.snapshot.execution_metadata.as_ref())
    }

    /// The execution metadata as it is stored; `None`: the type's default.
    pub fn stored_execution_metadata(&self) -> Option<&Envelope> {
        self.snapshot.execution_metadata.as_ref()
    }

    /// How far it is, for people.
    pub fn progress(&self) -> Progress {
        self.snapshot.run.progress.clone().unwrap_or_default()
    }

    /// What the latest attempt failed of, or why the run was parked; for people.
    pub fn last_error(&self) -> Option<String> {
        match self.snapshot.ended.as_ref()? {
            Ended::Failed(failure) => Some(failure.to_string()),
            Ended::Incompatible(why) => Some(why.to_string()),
            Ended::Completed(_) | Ended::Cancelled { .. } => None,
        }
    }

    /// What happened to it, in order.
    pub fn history(&self) -> &History {
        &self.snapshot.history
    }

    /// Everything, without types.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}
