//! What happened to a run, in order.

use std::fmt;

use crate::{
    id::{Epoch, ServerId},
    limits::{HISTORY_MAX, REASON_MAX, cut},
    time::Timestamp,
};

/// One thing that happened to a run.
///
/// ```
/// use longhaul_core::{Epoch, HistoryEntry, Timestamp, Transition};
///
/// let entry = HistoryEntry::new(Timestamp::EPOCH, Epoch(1), Transition::Failed, Some("no route"));
/// assert_eq!((entry.what, entry.why.as_deref()), (Transition::Failed, Some("no route")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// When.
    pub at: Timestamp,
    /// During, or after, which attempt.
    pub epoch: Epoch,
    /// What.
    pub what: Transition,
    /// Why, in at most 256 bytes.
    pub why: Option<Box<str>>,
}

impl HistoryEntry {
    /// An entry; `why` is cut to 256 bytes.
    pub fn new(at: Timestamp, epoch: Epoch, what: Transition, why: Option<&str>) -> Self {
        Self { at, epoch, what, why: why.map(|why| cut(why, REASON_MAX).into()) }
    }
}

/// What can happen to a run.
///
/// ```
/// use longhaul_core::Transition;
///
/// assert_eq!(Transition::GaveUp.to_string(), "gave up");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// A client enqueued it.
    Enqueued,
    /// A server claimed it.
    Claimed(ServerId),
    /// A claim was given back before the task began.
    Returned,
    /// A shutdown broke the attempt off.
    Interrupted,
    /// The attempt's process died, or its lease ran out.
    Crashed,
    /// The task panicked.
    Panicked,
    /// The attempt failed; another follows.
    Failed,
    /// The attempt took too long; another follows.
    TimedOut,
    /// The task put the run aside.
    Suspended,
    /// A client let it go on.
    Proceeded,
    /// A client asked for its end while it was running.
    CancelRequested,
    /// A client had the next attempt begin now.
    Hastened,
    /// It ended well.
    Completed,
    /// It ended in failure: no attempts are left, or the failure was permanent.
    GaveUp,
    /// It ended in failure: it took its process down too often.
    Quarantined,
    /// It was called off.
    Cancelled,
    /// Its values could not be read.
    Parked,
    /// Code that may be able to read its values came up.
    Unparked,
    /// A client asked that it be put aside while it was running.
    SuspendRequested,
    /// A client chose another time for its next attempt.
    Rescheduled,
    /// A client moved it forward or back.
    Prioritised,
    /// It took over what a second run of its key brought.
    Replaced,
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enqueued => "enqueued",
            Self::Claimed(server) => return write!(f, "claimed by {server}"),
            Self::Returned => "returned unstarted",
            Self::Interrupted => "interrupted",
            Self::Crashed => "crashed",
            Self::Panicked => "panicked",
            Self::Failed => "failed",
            Self::TimedOut => "timed out",
            Self::Suspended => "suspended",
            Self::Proceeded => "proceeded",
            Self::CancelRequested => "cancel requested",
            Self::Hastened => "hastened",
            Self::Completed => "completed",
            Self::GaveUp => "gave up",
            Self::Quarantined => "quarantined",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
            Self::Unparked => "unparked",
            Self::SuspendRequested => "suspend requested",
            Self::Rescheduled => "rescheduled",
            Self::Prioritised => "prioritised",
            Self::Replaced => "replaced",
        })
    }
}

/// The first and the latest entries, 32 at most: a run that is interrupted each hour for a year must not grow.
///
/// ```
/// use longhaul_core::{Epoch, History, HistoryEntry, Timestamp, Transition};
///
/// let entry = |what| HistoryEntry::new(Timestamp::EPOCH, Epoch(0), what, None);
/// let mut history = History::starting(entry(Transition::Enqueued));
/// for _ in 0..40 {
///     history.push(entry(Transition::Interrupted));
/// }
/// assert_eq!((history.entries.len(), history.dropped), (32, 9));
/// assert_eq!(history.entries[0].what, Transition::Enqueued);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct History {
    /// In order of time.
    pub entries: Vec<HistoryEntry>,
    /// How many entries, after the first, were dropped.
    pub dropped: u32,
}

impl History {
    /// A history that begins with `first`.
    pub fn starting(first: HistoryEntry) -> Self {
        Self { entries: vec![first], dropped: 0 }
    }

    /// Appends; what is beyond 32 entries goes, the second oldest first.
    pub fn push(&mut self, entry: HistoryEntry) {
        if self.entries.len() >= HISTORY_MAX {
            self.entries.remove(1);
            self.dropped += 1;
        }
        self.entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_history_keeps_its_first_and_its_latest_entries() {
        let entry = |n| HistoryEntry::new(Timestamp::from_micros(n), Epoch(0), Transition::Interrupted, None);
        let mut history = History::starting(entry(0));
        (1..100).for_each(|n| history.push(entry(n)));
        assert_eq!(history.entries.len(), HISTORY_MAX);
        assert_eq!(history.dropped, 68);
        assert_eq!(history.entries[0].at, Timestamp::from_micros(0));
        assert_eq!(history.entries[1].at, Timestamp::from_micros(69));
        assert_eq!(history.entries[31].at, Timestamp::from_micros(99));
    }
}
