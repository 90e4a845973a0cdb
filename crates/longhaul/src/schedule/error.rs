//! What can go wrong with a schedule, by what callers branch on.

use longhaul_core::{
    Kind, RunId, ScheduleError, ScheduleName, StoreError, limits, name::NameError, retry::PolicyError,
    schedule::ExceptionError,
};

use super::runs::SCHEDULE_TAG;
use crate::{
    definition::DefinitionError,
    values::{ReadError, ValueError},
    views::EnqueueJsonError,
};

/// A schedule was not made, changed or read. Nothing was changed, unless the variant says otherwise.
///
/// ```
/// use longhaul::{Schedule, ScheduleError, SchedulesError, doc::{Count, CountUp}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let schedules = longhaul::doc::client().schedules();
/// let refused = schedules.create::<CountUp>("count", Schedule::every(Duration::ZERO), Count { to: 3 }).await;
/// assert!(matches!(refused, Err(SchedulesError::Timetable { error: ScheduleError::Interval { .. }, .. })));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SchedulesError {
    /// Its name cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The schedule makes no sense.
    #[error("the schedule `{name}`: {error}")]
    Timetable {
        /// Which.
        name: ScheduleName,
        /// What is wrong, and what it may be.
        error: ScheduleError,
    },
    /// What is said of its runs cannot be used.
    #[error("the runs of the schedule `{name}`: {error}")]
    Runs {
        /// Which.
        name: ScheduleName,
        /// What is wrong, and what it may be.
        error: RunsError,
    },
    /// Written down, it takes up too much room.
    #[error(
        "the schedule `{name}` takes {size} bytes, of at most {max} (its metadata counts double): keep what is large \
         elsewhere, in a file or a table, and its address in the metadata"
    )]
    TooLarge {
        /// Which.
        name: ScheduleName,
        /// Its size, in bytes.
        size: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// There is one of this name.
    #[error("there is a schedule `{0}` already: change that one, or take another name")]
    Exists(ScheduleName),
    /// There is none of this name.
    #[error("there is no schedule `{0}`: it never was, or was deleted")]
    NotFound(ScheduleName),
    /// Code declares it: the next start would make it again.
    #[error("the schedule `{0}` is declared in code, which would make it again: pause it, or remove it there")]
    DeclaredInCode(ScheduleName),
    /// Its runs are of another kind.
    #[error("the schedule `{name}` enqueues runs of `{kind}`, not of `{asked}`")]
    OtherKind {
        /// Which.
        name: ScheduleName,
        /// The kind of its runs.
        kind: Kind,
        /// The kind that was asked for.
        asked: Kind,
    },
    /// No run beside the one that is not finished: the schedule's [`Overlap`](longhaul_core::Overlap) is `Skip`.
    #[error("the schedule `{name}` runs one at a time, and {run} is not finished: cancel it, or wait for it")]
    Unfinished {
        /// Which.
        name: ScheduleName,
        /// The run that is there.
        run: RunId,
    },
    /// An instant cannot be left out, moved or put back.
    #[error("the schedule `{name}`: {error}")]
    Instant {
        /// Which.
        name: ScheduleName,
        /// Why.
        error: ExceptionError,
    },
    /// As many of its runs as may are waiting.
    #[error("{max} runs of the schedule `{name}` are waiting, and no more may: find out why none of them ends")]
    TooManyWaiting {
        /// Which.
        name: ScheduleName,
        /// The limit.
        max: u32,
    },
    /// It was changed by others each time that this was tried.
    #[error("the schedule `{name}` was changed by others {tries} times while this was tried: try again")]
    Contended {
        /// Which.
        name: ScheduleName,
        /// How often it was tried.
        tries: u32,
    },
    /// What is kept of it cannot be read. It is left alone.
    #[error(
        "the schedule `{name}` cannot be read: {reason}. If a newer version of longhaul wrote it, use that; if nothing \
         did, remove it with `Schedules::discard` and make it again"
    )]
    Unreadable {
        /// Which.
        name: ScheduleName,
        /// What is wrong.
        reason: String,
    },
    /// The store failed: the change may be made or not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is said of a schedule's runs cannot be used.
///
/// ```
/// use longhaul::RunsError;
///
/// assert!(RunsError::TooManyTags(16).to_string().contains("at most 15"));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RunsError {
    /// What the task says of itself.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// The metadata.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The metadata that was handed in as JSON.
    #[error(transparent)]
    Json(#[from] EnqueueJsonError),
    /// The stored metadata, which is of another type or version.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The name of a queue or a label, a tag or a key.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The retry policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// There are more tags than a run may have, besides the one that every run of a schedule has.
    #[error("{0} tags, of at most {max}: put the rest into the metadata", max = limits::TAGS_MAX - 1)]
    TooManyTags(usize),
    /// They require more labels than a run may.
    #[error("{0} labels are required, of at most {max}: give the servers one that stands for several", max = limits::LABELS_MAX)]
    TooManyLabels(usize),
    /// A tag of this key is given to every run of a schedule.
    #[error("the tag `{SCHEDULE_TAG}` holds the schedule's name: take another key")]
    ReservedTag,
}
