//! What keys do to a run.

/// What a key does to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Proceed,
    RunNow,
    Retry,
    Suspend,
    Cancel,
    Delete,
}

impl Action {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Proceed => "proceed",
            Self::RunNow => "run-now",
            Self::Retry => "retry",
            Self::Suspend => "suspend",
            Self::Cancel => "cancel",
            Self::Delete => "delete",
        }
    }

    pub(super) const fn of(key: char) -> Option<Self> {
        Some(match key {
            'p' => Self::Proceed,
            'n' => Self::RunNow,
            'r' => Self::Retry,
            'S' => Self::Suspend,
            'C' => Self::Cancel,
            'D' => Self::Delete,
            _ => return None,
        })
    }

    pub(super) const fn is_asked(self) -> bool {
        matches!(self, Self::Suspend | Self::Cancel | Self::Delete)
    }
}
