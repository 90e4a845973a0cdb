//! A run at one moment, typed.

use longhaul_core::{Ended, Envelope, FailedAttempt, History, Progress, Run, RunId, Snapshot, StateKind};
use serde::{Serialize, Serializer};

use super::RunOutcome;
use crate::{attempt::ResumedFrom, definition::Definition, task::TaskTypes, values::ReadError};

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

/// As [`longhaul::store_api::json`](longhaul_core::json) says: everything but the values of the task, which the
/// application puts beside it as far as they may be shown.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// let status = client.enqueue::<CountUp>(Count { to: 3 }).await?.status().await?;
/// let shown = serde_json::json!({ "run": status, "up_to": status.metadata()?.to });
/// assert_eq!((shown["run"]["state"].as_str(), shown["up_to"].as_u64()), (Some("pending"), Some(3)));
/// # Ok(())
/// # }
/// ```
impl<T: TaskTypes> Serialize for RunStatus<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.snapshot.serialize(serializer)
    }
}

impl<T: TaskTypes> RunStatus<T> {
    pub(super) fn new(snapshot: Snapshot, definition: Definition<T>) -> Self {
        Self { snapshot, definition }
    }

    /// The id of the run.
    pub fn id(&self) -> RunId {
        self.snapshot.run.id
    }

    /// Its state.
    pub fn state(&self) -> StateKind {
        self.snapshot.run.state.kind()
    }

    /// How many attempts have begun so far, including those that were interrupted or suspended. Claims that were given
    /// back before the task began do not count, nor do claims of servers that could not read the values.
    pub fn attempts(&self) -> u32 {
        self.snapshot.run.attempts
    }

    /// What its next attempt resumes from; while it runs, what the current attempt resumed from.
    pub fn resumes_from(&self) -> ResumedFrom {
        self.snapshot.run.last_end.into()
    }

    /// Everything but its values.
    pub fn run(&self) -> &Run {
        &self.snapshot.run
    }

    /// The metadata that it was enqueued with.
    pub fn metadata(&self) -> Result<T::Metadata, ReadError> {
        self.definition.read_metadata(&self.snapshot.metadata)
    }

    /// The execution metadata as it was last stored.
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

    /// How it ended; `None` while it is not final. [`RunHandle::outcome`](crate::RunHandle::outcome) waits for it.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// use longhaul::RunOutcome;
    ///
    /// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// assert_eq!(run.status().await?.outcome_now()?, None);
    /// run.cancel().because("too late").await?;
    /// let status = run.status().await?;
    /// let cancelled = RunOutcome::Cancelled { reason: Some("too late".into()), error: None };
    /// assert_eq!((status.outcome_now()?, status.cancel_reason()), (Some(cancelled), Some("too late")));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the stored result or error cannot be read as the task's type.
    #[expect(clippy::type_complexity, reason = "the two types are the task's, and an alias would hide them")]
    pub fn outcome_now(&self) -> Result<Option<RunOutcome<T::Output, T::Error>>, ReadError> {
        if !self.state().is_final() {
            return Ok(None);
        }
        let common = &self.definition.common;
        Ok(match &self.snapshot.ended {
            Some(Ended::Completed(result)) => Some(RunOutcome::Completed(common.result.decode_plain(result)?)),
            Some(Ended::Failed(failure)) => Some(RunOutcome::Failed { error: self.error()?, failure: failure.clone() }),
            Some(Ended::Cancelled { reason, .. }) => {
                Some(RunOutcome::Cancelled { reason: reason.as_deref().map(str::to_owned), error: self.error()? })
            }
            Some(Ended::Incompatible(_)) | None => unreachable!("a final run has an outcome"),
        })
    }

    /// The typed error of the latest failed attempt, or the one that the run ended with; `None` if nothing failed, or
    /// if the failure has no typed error: a panic, a timeout, a crash. See [`failure`](Self::failure) for those.
    ///
    /// ```
    /// use longhaul::{AnyError, RunStatus, TaskFn};
    ///
    /// type Import = TaskFn<String, (), u64, AnyError>;
    ///
    /// /// What is shown while the run waits for its next attempt.
    /// fn trouble(status: &RunStatus<Import>) -> Result<Option<String>, longhaul::ReadError> {
    ///     Ok(status.error()?.map(|error| format!("{error}; tried {} times", status.attempts())))
    /// }
    /// ```
    ///
    /// # Errors
    /// When the stored error cannot be read as the task's type.
    pub fn error(&self) -> Result<Option<T::Error>, ReadError> {
        let stored = match &self.snapshot.ended {
            Some(Ended::Failed(failure)) => failure.error.as_ref(),
            Some(Ended::Cancelled { error, .. }) => error.as_ref(),
            Some(Ended::Completed(_) | Ended::Incompatible(_)) | None => None,
        };
        stored.map(|stored| self.definition.common.error.decode_plain(stored)).transpose()
    }

    /// How the latest attempt, or the run, failed: the cause, the message, the attempt.
    pub fn failure(&self) -> Option<&FailedAttempt> {
        match &self.snapshot.ended {
            Some(Ended::Failed(failure)) => Some(failure),
            Some(Ended::Completed(_) | Ended::Cancelled { .. } | Ended::Incompatible(_)) | None => None,
        }
    }

    /// Why it was cancelled, if a reason was given; while it is still running, why it is being cancelled.
    pub fn cancel_reason(&self) -> Option<&str> {
        self.snapshot.cancel_reason()
    }

    /// Why the latest attempt failed, or why the run was parked; for people.
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
