//! What happens to instants that cannot simply be followed by a run.

/// What happens to instants that went by unseen: the program was down, or the schedule was not looked at. An instant
/// is not missed if it is the newest one and at most [`ON_TIME`](super::ON_TIME) old.
///
/// ```
/// use longhaul_core::{Missed, Schedule};
/// use std::time::Duration;
///
/// let schedule = Schedule::every(Duration::from_secs(60)).missed(Missed::All(10));
/// assert!(schedule.timetable().is_ok());
/// assert!(schedule.missed(Missed::All(0)).timetable().unwrap_err().to_string().contains("1 to 1000"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Missed {
    /// They are left out; it goes on with the next one.
    Skip,
    /// One run makes up for all of them, that of the newest instant.
    #[default]
    Once,
    /// Each gets its run, the oldest first, but no more than the newest so many: 1 to 1000
    /// ([`WAITING_MAX`](super::WAITING_MAX)). The newest, because what is long past matters least. With any
    /// [`Overlap`] but `Allow` they follow one another.
    All(u32),
}

/// What happens at an instant when an earlier run of the schedule is not finished: neither Completed, Failed nor
/// Cancelled. A run that waits (for its turn, for a retry, suspended) is not finished.
///
/// ```
/// use longhaul_core::Overlap;
///
/// assert_eq!(Overlap::default(), Overlap::Skip);
/// assert!(!Overlap::Allow.one_at_a_time());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Overlap {
    /// The instant is left out.
    #[default]
    Skip,
    /// Its run waits until those before it are finished.
    Queue,
    /// Its run does not care.
    Allow,
    /// The earlier runs are cancelled, and its run waits until they are.
    CancelRunning,
}

impl Overlap {
    /// Whether the schedule's runs are executed one at a time. Whoever enqueues them gives them a limit of one, so
    /// that this holds even when two servers look at the same moment.
    ///
    /// ```
    /// use longhaul_core::Overlap;
    ///
    /// assert!(Overlap::Skip.one_at_a_time() && !Overlap::Allow.one_at_a_time());
    /// ```
    pub const fn one_at_a_time(self) -> bool {
        !matches!(self, Self::Allow)
    }
}
