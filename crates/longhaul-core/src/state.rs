//! The states of a run.

use std::{fmt, str::FromStr};

use crate::{code::CodeMark, id::ServerId, time::Timestamp};

/// Where a run is in its life. [`decide`](crate::decide()) alone says which state follows which.
///
/// ```
/// use longhaul_core::{State, StateKind, Timestamp};
///
/// let pending = State::Pending { due: Timestamp::EPOCH };
/// assert_eq!((pending.kind(), pending.due()), (StateKind::Pending, Some(Timestamp::EPOCH)));
/// assert!(!pending.is_final() && State::Completed.is_final());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum State {
    /// Waits to be claimed, from `due` on.
    Pending {
        /// Not before.
        due: Timestamp,
    },
    /// Claimed: a server executes it.
    Running {
        /// By this incarnation.
        server: ServerId,
    },
    /// An attempt failed; the next may begin from `due` on.
    Retrying {
        /// Not before.
        due: Timestamp,
    },
    /// The task put the run aside.
    Suspended {
        /// Until this happens.
        waiting: Waiting,
    },
    /// Ended well. Final.
    Completed,
    /// Ended in failure. Final.
    Failed,
    /// Called off. Final.
    Cancelled,
    /// Parked: the code that claimed it could not read its values. Nothing is lost and nothing is counted.
    Incompatible {
        /// The code that could not.
        by: CodeMark,
    },
}

/// What a suspended run waits for.
///
/// ```
/// use longhaul_core::{State, Timestamp, Waiting};
///
/// assert_eq!(State::Suspended { waiting: Waiting::Proceed }.due(), None);
/// let until = State::Suspended { waiting: Waiting::Until(Timestamp::EPOCH) };
/// assert_eq!(until.due(), Some(Timestamp::EPOCH));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Waiting {
    /// A proceed, for as long as it takes.
    Proceed,
    /// This time, or a proceed before it.
    Until(Timestamp),
    /// A proceed before this time; then the run fails.
    ProceedBy(Timestamp),
}

impl State {
    /// Without its particulars.
    pub const fn kind(&self) -> StateKind {
        match self {
            Self::Pending { .. } => StateKind::Pending,
            Self::Running { .. } => StateKind::Running,
            Self::Retrying { .. } => StateKind::Retrying,
            Self::Suspended { .. } => StateKind::Suspended,
            Self::Completed => StateKind::Completed,
            Self::Failed => StateKind::Failed,
            Self::Cancelled => StateKind::Cancelled,
            Self::Incompatible { .. } => StateKind::Incompatible,
        }
    }

    /// Whether nothing will happen to it any more.
    pub const fn is_final(&self) -> bool {
        self.kind().is_final()
    }

    /// From when on it may be claimed; `None`: not by the passing of time.
    pub const fn due(&self) -> Option<Timestamp> {
        match self {
            Self::Pending { due } | Self::Retrying { due } | Self::Suspended { waiting: Waiting::Until(due) } => {
                Some(*due)
            }
            _ => None,
        }
    }
}

impl State {
    /// When it fails unless it is proceeded before; `None`: it has no such deadline.
    ///
    /// ```
    /// use longhaul_core::{State, Timestamp, Waiting};
    ///
    /// let waits = State::Suspended { waiting: Waiting::ProceedBy(Timestamp::EPOCH) };
    /// assert_eq!((waits.deadline(), waits.due()), (Some(Timestamp::EPOCH), None));
    /// ```
    pub const fn deadline(&self) -> Option<Timestamp> {
        match self {
            Self::Suspended { waiting: Waiting::ProceedBy(deadline) } => Some(*deadline),
            _ => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind(), f)
    }
}

/// The states without their particulars, to filter and count by.
///
/// ```
/// use longhaul_core::StateKind;
///
/// assert_eq!("retrying".parse(), Ok(StateKind::Retrying));
/// assert_eq!((StateKind::Failed.as_str(), StateKind::Failed.is_final()), ("failed", true));
/// assert_eq!(StateKind::ALL.into_iter().filter(|kind| kind.is_final()).count(), 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum StateKind {
    /// See [`State::Pending`].
    Pending,
    /// See [`State::Running`].
    Running,
    /// See [`State::Retrying`].
    Retrying,
    /// See [`State::Suspended`].
    Suspended,
    /// See [`State::Completed`].
    Completed,
    /// See [`State::Failed`].
    Failed,
    /// See [`State::Cancelled`].
    Cancelled,
    /// See [`State::Incompatible`].
    Incompatible,
}

impl StateKind {
    /// All of them, in the order of a run's life.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Running,
        Self::Retrying,
        Self::Suspended,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Incompatible,
    ];

    /// Whether nothing follows it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// One word, as it is shown and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Retrying => "retrying",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Incompatible => "incompatible",
        }
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Not the name of a state.
///
/// ```
/// use longhaul_core::StateKind;
///
/// assert!("done".parse::<StateKind>().unwrap_err().to_string().contains("use one of pending, running"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a state: use one of pending, running, retrying, suspended, completed, failed, cancelled, incompatible"
)]
pub struct ParseStateError(String);

impl FromStr for StateKind {
    type Err = ParseStateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| ParseStateError(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_back_from_its_name() {
        for kind in StateKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert!("done".parse::<StateKind>().unwrap_err().to_string().contains("`done`"));
    }
}
