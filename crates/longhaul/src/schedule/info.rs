//! What is known of a schedule.

use longhaul_core::{
    Kind, Label, Paused, Priority, Queue, RunId, Schedule, ScheduleError, ScheduleName, Tag, Timestamp,
    schedule::{Exceptions, LocalTime},
};

use super::{
    error::{RunsError, SchedulesError},
    row::{Changed, Instance, Origin, Row, ScheduleCounts},
};
use crate::{
    definition::Definition,
    task::TaskDefinition,
    values::FingerprintCache,
    views::{ShownValue, Views},
};

/// A schedule as it was when it was read.
///
/// ```
/// use longhaul::{ScheduleOrigin, Schedule, doc::{Count, CountUp}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let schedules = longhaul::doc::client().schedules();
/// let daily = Schedule::every(Duration::from_secs(86_400));
/// let info = schedules.create::<CountUp>("count", daily, Count { to: 3 }).await?;
/// assert_eq!(info.describe()?, "every day");
/// assert_eq!((info.kind().as_str(), info.metadata::<CountUp>()?.to), ("count-up", 3));
/// assert_eq!((info.made_by(), info.paused()), (ScheduleOrigin::Client, None));
/// for time in info.preview(3)? {
///     println!("{time}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ScheduleInfo {
    name: ScheduleName,
    row: Row,
    /// When it was read.
    now: Timestamp,
}

/// A run that a schedule enqueued. There may be no such run any more: its retention has passed, or it was deleted.
///
/// ```
/// # use longhaul::ScheduleInfo;
/// fn newest(schedule: &ScheduleInfo) -> Option<longhaul::RunId> {
///     schedule.latest().last().map(|latest| latest.run)
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScheduledRun {
    /// Which.
    pub run: RunId,
    /// The instant that it stands for, or when somebody triggered it.
    pub at: Timestamp,
    /// Whether somebody triggered it.
    pub by_hand: bool,
}

/// Who made a schedule.
///
/// ```
/// let by = longhaul::ScheduleOrigin::Code { server: "billing".into() };
/// assert_eq!(by.to_string(), "the code of `billing`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScheduleOrigin {
    /// The code of servers of this name declares it.
    Code {
        /// Their name: [`Builder::name`](crate::Builder::name).
        server: Box<str>,
    },
    /// A client made it.
    Client,
}

impl std::fmt::Display for ScheduleOrigin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code { server } => write!(f, "the code of `{server}`"),
            Self::Client => f.write_str("a client"),
        }
    }
}

impl ScheduleInfo {
    pub(crate) fn new(name: ScheduleName, row: Row, now: Timestamp) -> Self {
        Self { name, row, now }
    }

    /// Its name.
    pub fn name(&self) -> &ScheduleName {
        &self.name
    }

    /// When it is due.
    pub fn schedule(&self) -> &Schedule {
        &self.row.schedule
    }

    /// The kind of its runs.
    pub fn kind(&self) -> &Kind {
        &self.row.runs.kind
    }

    /// The metadata of its runs.
    ///
    /// # Errors
    /// When its runs are of another kind, or the metadata cannot be read as that of `T`.
    pub fn metadata<T: TaskDefinition>(&self) -> Result<T::Metadata, SchedulesError> {
        let wrong = |error: RunsError| SchedulesError::Runs { name: self.name.clone(), error };
        let definition = Definition::<T>::of_task(&FingerprintCache::default()).map_err(|error| wrong(error.into()))?;
        if !definition.common.kinds.contains(self.kind()) {
            let (kind, asked) = (self.kind().clone(), definition.common.kind().clone());
            return Err(SchedulesError::OtherKind { name: self.name.clone(), kind, asked });
        }
        definition.read_metadata(&self.row.runs.metadata).map_err(|error| wrong(error.into()))
    }

    /// The metadata of its runs, shown without its type by a program that [knows](Views) the kind.
    pub fn shown_metadata(&self, views: &Views) -> ShownValue {
        views.show_metadata(self.kind(), &self.row.runs.metadata)
    }

    /// The version of the code that wrote the metadata of its runs.
    pub fn version(&self) -> u16 {
        self.row.runs.version
    }

    /// The queue of its runs.
    pub fn queue(&self) -> &Queue {
        &self.row.runs.queue
    }

    /// The priority of its runs.
    pub fn priority(&self) -> Priority {
        self.row.runs.priority
    }

    /// The tags of its runs, besides [`SCHEDULE_TAG`](crate::SCHEDULE_TAG).
    pub fn tags(&self) -> &[Tag] {
        &self.row.runs.tags
    }

    /// The labels that its runs require of a server.
    pub fn requires(&self) -> &[Label] {
        &self.row.runs.requires
    }

    /// The key that its runs share a limit by.
    pub fn limit_key(&self) -> Option<&str> {
        self.row.runs.limit_key.as_ref().map(longhaul_core::Key::as_str)
    }

    /// Since when it is paused, by whom and why.
    pub fn paused(&self) -> Option<&Paused> {
        self.row.paused.as_ref()
    }

    /// Who made it.
    pub fn made_by(&self) -> ScheduleOrigin {
        match &self.row.origin {
            Origin::Code { server, .. } => ScheduleOrigin::Code { server: server.clone() },
            Origin::Client => ScheduleOrigin::Client,
        }
    }

    /// Who changed it last at run time. What code declares does not change it then; see
    /// [`Schedules::reset_to_declared`](crate::Schedules::reset_to_declared).
    pub fn changed(&self) -> Option<&Changed> {
        self.row.changed.as_ref()
    }

    /// The runs that were enqueued and were not finished when a server looked last; the oldest first.
    pub fn unfinished(&self) -> Vec<RunId> {
        self.ids(&self.row.unfinished)
    }

    /// How many runs wait until those before them are finished.
    pub fn waiting(&self) -> usize {
        self.row.waiting.len()
    }

    /// The latest runs, at most ten, the newest last. Their states are not among what is kept of a schedule:
    /// [`Inspect::headers`](crate::store_api::store::Inspect::headers) reads those of many runs at once.
    pub fn last_runs(&self) -> Vec<RunId> {
        self.ids(&self.row.last)
    }

    /// The same, with what each stands for.
    ///
    /// ```
    /// use longhaul::{Schedule, doc::{Count, CountUp}};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let schedules = longhaul::doc::client().schedules();
    /// let daily = Schedule::every(Duration::from_secs(86_400));
    /// schedules.create::<CountUp>("count", daily, Count { to: 3 }).await?;
    /// let run = schedules.trigger("count").await?;
    /// let latest = schedules.get("count").await?.latest();
    /// assert_eq!((latest[0].run, latest[0].by_hand), (run, true));
    /// # Ok(())
    /// # }
    /// ```
    pub fn latest(&self) -> Vec<ScheduledRun> {
        let of = |instance: &Instance| {
            let Instance { at, by_hand } = *instance;
            ScheduledRun { run: instance.run(&self.name), at, by_hand }
        };
        self.row.last.iter().map(of).collect()
    }

    /// What became of its instants.
    pub fn counts(&self) -> ScheduleCounts {
        self.row.counts
    }

    /// The next instant that was not handled; `None` if it is paused, or there is none any more.
    ///
    /// # Errors
    /// When this program was built without the feature that the schedule needs.
    pub fn next(&self) -> Result<Option<Timestamp>, ScheduleError> {
        Ok(self.row.next(&self.row.timetable()?))
    }

    /// When it is due, in words.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn describe(&self) -> Result<String, ScheduleError> {
        Ok(self.row.schedule.timetable()?.describe())
    }

    /// Instants that were left out or moved, by instant; each is dropped by itself three hours after it is past.
    ///
    /// ```
    /// use longhaul::{Schedule, doc::{Count, CountUp}};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let schedules = longhaul::doc::client().schedules();
    /// let daily = Schedule::every(Duration::from_secs(86_400));
    /// let info = schedules.create::<CountUp>("count", daily, Count { to: 3 }).await?;
    /// let tomorrow = info.next()?.expect("it goes on forever");
    /// let info = schedules.skip_instant("count", tomorrow).acting_as("ann").await?;
    /// assert_eq!(info.exceptions().iter().map(|exception| exception.instant).collect::<Vec<_>>(), [tomorrow]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn exceptions(&self) -> &Exceptions {
        &self.row.exceptions
    }

    /// The next `n` instants from when it was read, at most 100, as the schedule's time zone shows them. A pause is not
    /// regarded; what was left out is not among them, and one that was moved says from where.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn preview(&self, n: usize) -> Result<Vec<LocalTime>, ScheduleError> {
        Ok(self.row.timetable()?.preview(self.now, n))
    }

    fn ids(&self, instances: &[Instance]) -> Vec<RunId> {
        instances.iter().map(|instance| instance.run(&self.name)).collect()
    }
}
