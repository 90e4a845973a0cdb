//! What came of a continuation.

use std::fmt;

use super::{Continuation, follower_id};
use crate::{
    client::{OutcomeError, RunHandle, RunOutcome},
    task::TaskDefinition,
};

/// What came of a continuation so far. See [`RunHandle::followed_by`].
///
/// ```
/// use longhaul::{Continuation, Followed, OutcomeError, RunHandle, doc::CountUp};
///
/// const TWICE: Continuation<CountUp, CountUp> = Continuation::new("twice");
///
/// async fn look(run: &RunHandle<CountUp>) -> Result<(), OutcomeError> {
///     match run.followed_by(TWICE).await? {
///         Followed::Waits => println!("it has not ended, or no server has mapped it yet"),
///         Followed::Nothing { why } => println!("nothing follows: {}", why.as_deref().unwrap_or("as the mapping says")),
///         Followed::Run(twice) => println!("{} follows", twice.id()),
///     }
///     Ok(())
/// }
/// ```
#[expect(clippy::exhaustive_enums, reason = "callers handle each case")]
pub enum Followed<T: TaskDefinition> {
    /// The run has not ended, or no server has carried the continuation out yet.
    Waits,
    /// Nothing follows.
    Nothing {
        /// Why the continuation did not get so far as to say so; `None`: it said so.
        why: Option<String>,
    },
    /// This run follows.
    Run(RunHandle<T>),
}

impl<T: TaskDefinition> fmt::Debug for Followed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waits => f.write_str("Waits"),
            Self::Nothing { why } => f.debug_struct("Nothing").field("why", why).finish(),
            Self::Run(run) => f.debug_tuple("Run").field(run).finish(),
        }
    }
}

impl<T: TaskDefinition> Followed<T> {
    /// The run that follows, if it is there.
    pub fn run(self) -> Option<RunHandle<T>> {
        match self {
            Self::Run(run) => Some(run),
            Self::Waits | Self::Nothing { .. } => None,
        }
    }
}

impl<A: TaskDefinition> RunHandle<A> {
    /// What came of a continuation of this run.
    ///
    /// # Errors
    /// [`OutcomeError::NotFound`] if the run has no continuation of this name.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn followed_by<T: TaskDefinition>(
        &self,
        continuation: Continuation<A, T>,
    ) -> Result<Followed<T>, OutcomeError> {
        let id = follower_id(self.id(), continuation.step.name).expect("the name of a kind is short");
        let status = self.client().run_fn(continuation.task(), id).status().await?;
        Ok(match status.outcome_now()? {
            None => Followed::Waits,
            Some(RunOutcome::Completed(Some(run))) => Followed::Run(self.client().run::<T>(run)),
            Some(RunOutcome::Completed(None)) => Followed::Nothing { why: None },
            Some(RunOutcome::Cancelled { reason, .. }) => {
                Followed::Nothing { why: Some(reason.unwrap_or_else(|| "it was cancelled".into())) }
            }
            Some(RunOutcome::Failed { failure, .. }) => Followed::Nothing { why: Some(failure.to_string()) },
        })
    }
}
