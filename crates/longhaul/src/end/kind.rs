//! The sorts of ends.

use std::fmt;

/// What sort of end an attempt came to.
///
/// ```
/// use longhaul::{AttemptEnd, EndKind};
///
/// assert_eq!(AttemptEnd::failed("no paper").kind(), EndKind::Failed);
/// assert_eq!(EndKind::Suspended.to_string(), "suspended");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndKind {
    /// With the result.
    Completed,
    /// The run is suspended.
    Suspended,
    /// In a failure. The run's retry policy decides whether another attempt follows.
    Failed,
    /// The run is cancelled.
    Cancelled,
    /// The task, or a layer, stopped because it was told to. Only layers see this: a hook sees what the executor made
    /// of it.
    Stopped,
    /// It exceeded the run's timeout, which is a failure. Only hooks see this and the kinds below.
    TimedOut,
    /// The task panicked.
    Panicked,
    /// A shutdown stopped it, or a request to suspend the run. Counts against no limit.
    Interrupted,
    /// The values could not be read: the run is parked.
    Incompatible,
    /// The claim was given back; the task never began.
    Returned,
}

impl EndKind {
    /// One word, as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Stopped => "stopped",
            Self::TimedOut => "timed out",
            Self::Panicked => "panicked",
            Self::Interrupted => "interrupted",
            Self::Incompatible => "incompatible",
            Self::Returned => "returned",
        }
    }
}

impl fmt::Display for EndKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
