//! A schedule to be made: by code, when a server starts, or by a client.

use std::{fmt, sync::Arc, time::Duration};

use longhaul_core::{
    Key, Label, NewRun, Paused, Priority, Queue, RetryPolicy, Schedule, ScheduleName, Tag, Timestamp,
    limits::{LABELS_MAX, TAGS_MAX},
    schedule::Exceptions,
};

use super::{
    error::{RunsError, SchedulesError},
    row::{Origin, Row, ScheduleCounts},
    runs::{Runs, SCHEDULE_TAG},
};
use crate::{
    definition::{Definition, DefinitionError},
    task::{TaskDefinition, TaskTypes},
    values::FingerprintCache,
};

/// What a schedule may take up, written down, in bytes: its runs' metadata and tags above all. The rest of
/// [`SCHEDULE_MAX`](longhaul_core::limits::SCHEDULE_MAX) is for a thousand runs that wait, 25 bytes each.
pub(super) const WRITTEN_MAX: usize = 38 << 10;

/// A schedule, and the runs of `T` that it enqueues: for [`Builder::schedule_with`](crate::Builder::schedule_with), and
/// [`Schedules::create_with`](crate::Schedules::create_with). What is not said here is as the task's options say.
///
/// ```
/// use longhaul::{Longhaul, NewSchedule, Schedule, doc::{Count, CountUp}, testing};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let nightly = Schedule::every(Duration::from_secs(86_400));
/// let server = Longhaul::builder()
///     .store(testing::memory_store())
///     .task(CountUp)
///     .schedule_with(
///         NewSchedule::<CountUp>::new("nightly", nightly, Count { to: 3 }).queue("night").priority(-5).tag("why", "audit"),
///     )
///     .start()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is scheduled before it is handed to a builder or a client"]
pub struct NewSchedule<T: TaskTypes> {
    name: String,
    schedule: Schedule,
    metadata: T::Metadata,
    options: Options,
}

#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) queue: Option<String>,
    pub(crate) priority: Option<i8>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) limit_key: Option<String>,
    pub(crate) requires: Vec<String>,
    paused: Option<String>,
}

impl<T: TaskTypes> fmt::Debug for NewSchedule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSchedule")
            .field("name", &self.name)
            .field("schedule", &self.schedule)
            .finish_non_exhaustive()
    }
}

/// A schedule that was checked, but for what only the store knows.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) name: ScheduleName,
    pub(crate) schedule: Schedule,
    pub(crate) runs: Runs,
    /// Why it begins paused.
    pub(crate) paused: Option<Box<str>>,
}

impl<T: TaskTypes> NewSchedule<T> {
    /// Each run gets this metadata. A name is 1 to 128 bytes of ASCII letters, digits and `- _ . : /`.
    pub fn new(name: impl Into<String>, schedule: Schedule, metadata: T::Metadata) -> Self {
        Self { name: name.into(), schedule, metadata, options: Options::default() }
    }

    /// Its runs wait in this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// Its runs go ahead of due runs of a lower priority.
    pub fn priority(mut self, priority: i8) -> Self {
        self.options.priority = Some(priority);
        self
    }

    /// Its runs are tried again by this policy.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry = Some(policy);
        self
    }

    /// One attempt of a run may take so long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Its runs are found by this, besides [`SCHEDULE_TAG`]. At most 15, of 256 bytes a side.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in numbers and strings as they have them")]
    pub fn tag(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.options.tags.push((key.into(), value.to_string()));
        self
    }

    /// Its runs share a limit with other runs of their kind and this key.
    pub fn limit_key(mut self, key: impl Into<String>) -> Self {
        self.options.limit_key = Some(key.into());
        self
    }

    /// Its runs are executed only by servers that have this label, and all others that are asked for.
    pub fn requires(mut self, label: impl Into<String>) -> Self {
        self.options.requires.push(label.into());
        self
    }

    /// It begins paused, and does nothing until it is resumed or triggered. That it begins so is all that this says: a
    /// schedule that is there already stays as it is.
    pub fn paused(mut self, why: impl Into<String>) -> Self {
        self.options.paused = Some(why.into());
        self
    }
}

impl<T: TaskDefinition> NewSchedule<T> {
    /// Refuses what cannot be followed.
    pub(crate) fn checked(self, shapes: &FingerprintCache) -> Result<Declared, SchedulesError> {
        let name = ScheduleName::new(&self.name)?;
        let wrong = |error| SchedulesError::Runs { name: name.clone(), error };
        let definition = Definition::<T>::of_task(shapes).map_err(|error: DefinitionError| wrong(error.into()))?;
        let paused = self.options.paused.clone().map(Into::into);
        let runs = self.options.runs(&definition, &self.metadata).map_err(wrong)?;
        check_schedule(&name, &self.schedule)?;
        let declared = Declared { name, schedule: self.schedule, runs, paused };
        declared.row(Timestamp::EPOCH, Origin::Client)?;
        Ok(declared)
    }
}

/// Whether it has a timetable.
pub(crate) fn check_schedule(name: &ScheduleName, schedule: &Schedule) -> Result<(), SchedulesError> {
    let refused = |error| SchedulesError::Timetable { name: name.clone(), error };
    schedule.timetable().map(drop).map_err(refused)
}

impl Options {
    fn runs<T: TaskTypes>(self, of: &Definition<T>, metadata: &T::Metadata) -> Result<Runs, RunsError> {
        let common = &of.common;
        let mut runs = Runs {
            kind: common.kind().clone(),
            version: common.version,
            metadata: common.metadata.encode(metadata)?,
            queue: common.queue.clone(),
            priority: common.options.priority,
            tags: of.marked_tags(metadata),
            requires: Vec::new(),
            limit_key: (of.limit_key)(metadata).as_deref().map(Key::new).transpose()?,
            retry: common.options.retry.clone(),
            timeout: common.options.timeout,
        };
        let mut options = self;
        // What is said goes before what marks of the schema give.
        runs.tags.retain(|tag| options.tags.iter().all(|(key, _)| **key != *tag.key));
        options.requires.extend(common.options.requires.iter().cloned());
        options.apply(&mut runs)?;
        Ok(runs)
    }

    /// Changes what was said, and leaves the rest.
    pub(crate) fn apply(self, runs: &mut Runs) -> Result<(), RunsError> {
        if let Some(queue) = self.queue {
            runs.queue = Queue::new(&queue)?;
        }
        if let Some(priority) = self.priority {
            runs.priority = Priority(priority);
        }
        if let Some(retry) = self.retry {
            retry.check()?;
            runs.retry = retry;
        }
        if let Some(timeout) = self.timeout {
            runs.timeout = Some(timeout);
        }
        if let Some(key) = self.limit_key {
            runs.limit_key = Some(Key::new(&key)?);
        }
        for (key, value) in &self.tags {
            if key == SCHEDULE_TAG {
                return Err(RunsError::ReservedTag);
            }
            runs.tags.push(Tag::new(key, value)?);
        }
        for label in &self.requires {
            let label = Label::new(label)?;
            if !runs.requires.contains(&label) {
                runs.requires.push(label);
            }
        }
        runs.check()
    }
}

impl Runs {
    /// What a new run says, for all runs of a schedule. Left out is what belongs to one run: its id, when it is due and
    /// expires, its unique key, its trace, its execution metadata, and who enqueued it.
    pub(crate) fn of(run: NewRun) -> Result<Self, RunsError> {
        let constraints = run.constraints.map(Arc::unwrap_or_clone).unwrap_or_default();
        run.policy.check()?;
        let runs = Self {
            kind: run.kind,
            version: run.version,
            metadata: run.metadata,
            queue: run.queue,
            priority: run.priority,
            tags: run.tags.to_vec(),
            requires: constraints.requires,
            limit_key: constraints.limit_key,
            retry: run.policy,
            timeout: run.timeout,
        };
        if runs.tags.iter().any(|tag| &*tag.key == SCHEDULE_TAG) {
            return Err(RunsError::ReservedTag);
        }
        runs.check()?;
        Ok(runs)
    }

    /// Whether there are not too many of anything.
    pub(crate) fn check(&self) -> Result<(), RunsError> {
        // Each run of a schedule has one tag more.
        if self.tags.len() >= TAGS_MAX {
            return Err(RunsError::TooManyTags(self.tags.len()));
        }
        if self.requires.len() > LABELS_MAX {
            return Err(RunsError::TooManyLabels(self.requires.len()));
        }
        Ok(())
    }
}

impl Declared {
    /// A schedule of runs like this one.
    pub(crate) fn of_run(name: &str, schedule: Schedule, run: NewRun) -> Result<Self, SchedulesError> {
        let name = ScheduleName::new(name)?;
        let runs = Runs::of(run).map_err(|error| SchedulesError::Runs { name: name.clone(), error })?;
        check_schedule(&name, &schedule)?;
        let declared = Self { name, schedule, runs, paused: None };
        declared.row(Timestamp::EPOCH, Origin::Client)?;
        Ok(declared)
    }

    /// The row of it when it is new at `now`.
    pub(crate) fn row(&self, now: Timestamp, origin: Origin) -> Result<Row, SchedulesError> {
        let Self { name, schedule, runs, paused } = self.clone();
        let timetable =
            schedule.timetable().map_err(|error| SchedulesError::Timetable { name: name.clone(), error })?;
        let by = if origin == Origin::Client { "client" } else { "code" };
        let paused = paused.map(|why| Paused::new(now, by, (!why.is_empty()).then_some(&*why)));
        let row = Row {
            mark: timetable.begin(now),
            schedule,
            runs,
            origin,
            changed: None,
            paused,
            unfinished: Vec::new(),
            waiting: Vec::new(),
            last: Vec::new(),
            counts: ScheduleCounts::default(),
            exceptions: Exceptions::default(),
        };
        check_size(&name, &row)?;
        Ok(row)
    }

    /// Tells what code declares from what it declared before. The pause is not part of it: code only says how it begins.
    pub(crate) fn digest(&self) -> u64 {
        let declared = serde_json::to_vec(&(&self.schedule, &self.runs)).expect("it holds nothing that JSON does not");
        // FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>. Another digest would cost no more than a line in a log.
        declared
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }
}

/// Whether there is room left in the row for what happens to it.
pub(crate) fn check_size(name: &ScheduleName, row: &Row) -> Result<(), SchedulesError> {
    let written = Row { unfinished: Vec::new(), waiting: Vec::new(), ..row.clone() };
    let size = written.encode().len();
    if size > WRITTEN_MAX {
        return Err(SchedulesError::TooLarge { name: name.clone(), size, max: WRITTEN_MAX });
    }
    Ok(())
}
