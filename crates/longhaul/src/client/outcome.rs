//! How a run ended.

use longhaul_core::FailedAttempt;

/// How a run ended.
///
/// ```
/// use longhaul::RunOutcome;
///
/// let outcome: RunOutcome<u64, String> = RunOutcome::Completed(7);
/// assert_eq!(outcome.completed(), Some(7));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers handle each case")]
pub enum RunOutcome<R, E> {
    /// It completed with this result.
    Completed(R),
    /// It failed.
    Failed {
        /// The cause and the message, for people.
        failure: FailedAttempt,
        /// The typed error, if the task gave one: a panic, a timeout or a crash has none.
        error: Option<E>,
    },
    /// It was cancelled.
    Cancelled {
        /// Why, if a reason was given.
        reason: Option<String>,
        /// The typed error, if the task gave one.
        error: Option<E>,
    },
}

impl<R, E> RunOutcome<R, E> {
    /// The result, if it completed.
    pub fn completed(self) -> Option<R> {
        match self {
            Self::Completed(result) => Some(result),
            Self::Failed { .. } | Self::Cancelled { .. } => None,
        }
    }

    /// The typed error, if it ended with one.
    pub fn error(self) -> Option<E> {
        match self {
            Self::Completed(_) => None,
            Self::Failed { error, .. } | Self::Cancelled { error, .. } => error,
        }
    }
}
