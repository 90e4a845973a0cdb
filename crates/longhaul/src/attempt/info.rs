//! What a task can ask of its attempt.

use longhaul_core::{RunId, run::LastEnd};

/// What an attempt begins with.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use longhaul::{ResumedFrom, testing};
///
/// let (ctx, _attempt) = testing::context((), 0_u64).await;
/// assert_eq!(ctx.attempt().resumed_from, ResumedFrom::Fresh);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResumedFrom {
    /// Nothing: it is the first attempt.
    Fresh,
    /// A shutdown interrupted the previous attempt.
    Interruption,
    /// The previous attempt panicked, or its process died, or its server lost the lease.
    Crash,
    /// The previous attempt failed.
    Failure,
    /// The task had suspended the run.
    Suspension,
}

impl From<LastEnd> for ResumedFrom {
    fn from(end: LastEnd) -> Self {
        match end {
            LastEnd::Never => Self::Fresh,
            LastEnd::Interrupted | LastEnd::Incompatible => Self::Interruption,
            LastEnd::Crashed => Self::Crash,
            LastEnd::Failed => Self::Failure,
            LastEnd::Suspended => Self::Suspension,
        }
    }
}

/// Which attempt this is, for the task.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (ctx, _attempt) = longhaul::testing::context((), 0_u64).await;
/// assert_eq!(ctx.attempt().number, 1);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptInfo {
    /// The run.
    pub run: RunId,
    /// Which attempt at it this is, from 1. Suspensions and interruptions count too: it is a number, not a budget.
    pub number: u32,
    /// What it begins with.
    pub resumed_from: ResumedFrom,
}
