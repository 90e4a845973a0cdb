//! Schedules at run time.

mod instants;
mod untyped;

use std::{future::IntoFuture, pin::Pin};

use longhaul_core::{
    Actor, Paused, RunId, Schedule, ScheduleName, Timestamp,
    store::{ScheduleChange, ScheduleChangeError as NotChanged, ScheduleRow},
};

use super::{Client, Request};
use crate::{
    definition::Definition,
    schedule::{
        Declared, HeldBack, NewSchedule, Options, Origin, Row, RunsError, ScheduleInfo, SchedulesError, Step,
        check_schedule, check_size, forget_finished,
    },
    task::TaskDefinition,
};

/// How often a change is tried when others changed the schedule first. Servers change a schedule at each instant, clients
/// seldom; a caller that loses this often in a row should see an error.
const TRIES: u32 = 16;

/// Makes, reads and changes schedules. They are kept in the store, outlive restarts, and the server that looks after
/// them learns of a change at once. See the guide, `Schedules`.
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
///
/// schedules.pause("count").acting_as("ann").because("the disk is full").await?;
/// let run = schedules.trigger("count").await?; // by hand, all the same
/// schedules.resume("count").await?;
///
/// for info in schedules.list().await? {
///     println!("{}: {}, next at {:?}", info.name(), info.describe()?, info.next()?);
/// }
/// assert_eq!(schedules.get("count").await?.last_runs(), [run]);
/// schedules.delete("count").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// A call that is dropped before it is ready is made or not made.
#[derive(Clone, Debug)]
pub struct Schedules {
    client: Client,
}

impl Client {
    /// Schedules: to make, read and change them.
    pub fn schedules(&self) -> Schedules {
        Schedules { client: self.clone() }
    }
}

impl Schedules {
    /// Makes a schedule that enqueues runs of `T` with this metadata. It has missed nothing; its first instant is the
    /// next one.
    ///
    /// # Errors
    /// [`SchedulesError::Exists`], and whatever is wrong with what was handed in.
    pub async fn create<T: TaskDefinition>(
        &self,
        name: &str,
        schedule: Schedule,
        metadata: T::Metadata,
    ) -> Result<ScheduleInfo, SchedulesError> {
        self.create_with(NewSchedule::<T>::new(name, schedule, metadata)).await
    }

    /// The same, with more to say of its runs.
    ///
    /// ```
    /// use longhaul::{NewSchedule, Schedule, doc::{Count, CountUp}};
    /// use std::time::Duration;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let schedules = longhaul::doc::client().schedules();
    /// let hourly = Schedule::every(Duration::from_secs(3600));
    /// let count = NewSchedule::<CountUp>::new("count", hourly, Count { to: 3 }).queue("slow").requires("gpu");
    /// assert_eq!(schedules.create_with(count).await?.requires()[0].as_str(), "gpu");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn create_with<T: TaskDefinition>(&self, new: NewSchedule<T>) -> Result<ScheduleInfo, SchedulesError> {
        self.make(new.checked(&self.client.inner.shapes)?).await
    }

    async fn make(&self, new: Declared) -> Result<ScheduleInfo, SchedulesError> {
        let row = new.row(self.now(), Origin::Client)?;
        let change = ScheduleChange { name: new.name.clone(), seen: None, value: Some(row.encode()), runs: vec![] };
        match self.client.store().schedule(change).await {
            Ok(_) => Ok(self.info(new.name, row)),
            Err(NotChanged::Conflict { name, .. }) => Err(SchedulesError::Exists(name)),
            Err(NotChanged::Store(error)) => Err(error.into()),
        }
    }

    /// The schedule of this name.
    pub async fn get(&self, name: &str) -> Result<ScheduleInfo, SchedulesError> {
        let name = ScheduleName::new(name)?;
        let (_, row) = self.read(&name).await?;
        Ok(self.info(name, row))
    }

    /// The run that is not finished, so that the next instant of this schedule gets no run, or its run waits. `None`:
    /// nothing holds it back, or its runs may overlap. A run that is parked as incompatible holds nothing back.
    pub async fn held_back(&self, name: &str) -> Result<Option<HeldBack>, SchedulesError> {
        let name = ScheduleName::new(name)?;
        let (_, mut row) = self.read(&name).await?;
        let held_back = forget_finished(&**self.client.store(), &name, &mut row).await?;
        Ok(held_back.filter(|_| row.one_at_a_time()))
    }

    /// The same of all schedules that are not paused, for a look at all of them: they are read once, and the runs of at most
    /// `max` of those that may be held back.
    pub async fn all_held_back(&self, max: usize) -> Result<Vec<(ScheduleName, HeldBack)>, SchedulesError> {
        let rows = self.client.store().schedules(0).await?.changed;
        let rows = rows.into_iter().filter_map(|row| Some((row.name, Row::decode(&row.value).ok()?)));
        let mut all = Vec::new();
        for (name, mut row) in rows.filter(|(_, row)| row.may_be_held_back()).take(max) {
            let held_back = forget_finished(&**self.client.store(), &name, &mut row).await?;
            all.extend(held_back.map(|held_back| (name, held_back)));
        }
        Ok(all)
    }

    /// All schedules, by name. One that cannot be read is reported in the log and left out.
    pub async fn list(&self) -> Result<Vec<ScheduleInfo>, SchedulesError> {
        let rows = self.client.store().schedules(0).await?.changed;
        let info = |row: ScheduleRow| match Row::decode(&row.value) {
            Ok(decoded) => Some(self.info(row.name, decoded)),
            Err(reason) => {
                tracing::warn!(schedule = %row.name, %reason, "a schedule cannot be read, and is left alone");
                None
            }
        };
        Ok(rows.into_iter().filter_map(info).collect())
    }

    /// Changes a schedule; await what it returns. See [`ChangeSchedule`].
    pub fn change(&self, name: impl Into<String>) -> ChangeSchedule {
        let (schedules, name) = (self.clone(), name.into());
        let change = What {
            by: self.client.by.as_str().unwrap_or(super::NOBODY).into(),
            schedule: None,
            options: Options::default(),
            replaces_labels: false,
            metadata: None,
        };
        ChangeSchedule { schedules, name, what: change }
    }

    /// It enqueues nothing from now on, until it is resumed; also after a restart. What is enqueued already runs. Await
    /// it; see [`Request`] for saying why and in whose name.
    pub fn pause(&self, name: impl Into<String>) -> Request<'_, Result<ScheduleInfo, SchedulesError>> {
        let name = name.into();
        Request::new(&self.client.by, move |why, by| async move {
            let paused = Paused::new(self.now(), by.as_str().unwrap_or(super::NOBODY), why.as_deref());
            self.edit(&name, |_, row, _| {
                row.pause(paused.clone());
                Ok(())
            })
            .await
        })
    }

    /// It goes on with its next instant: what fell into the pause was not wanted, and is not missed. Only
    /// [`Schedule::once`] makes up for its one instant. One that is not paused stays as it is.
    pub async fn resume(&self, name: &str) -> Result<ScheduleInfo, SchedulesError> {
        self.edit(name, |name, row, now| {
            let refused = |error| SchedulesError::Timetable { name: name.clone(), error };
            row.resume(&row.timetable().map_err(refused)?, now);
            Ok(())
        })
        .await
    }

    /// Enqueues a run now, also when the schedule is paused, and tells its id. It changes nothing about the instants to
    /// come.
    ///
    /// The schedule's [`Overlap`](longhaul_core::Overlap) holds for it as for others. With `Queue` and
    /// `CancelRunning` there may be no run with this id yet: it is enqueued, by a server, as soon as those before it are
    /// finished.
    ///
    /// # Errors
    /// [`SchedulesError::Unfinished`] with `Skip`, if a run is not finished.
    pub async fn trigger(&self, name: &str) -> Result<RunId, SchedulesError> {
        let name = ScheduleName::new(name)?;
        for _ in 0..TRIES {
            let (revision, mut row) = self.read(&name).await?;
            let refused = |error| SchedulesError::Timetable { name: name.clone(), error };
            let timetable = row.timetable().map_err(refused)?;
            forget_finished(&**self.client.store(), &name, &mut row).await?;
            let (run, Step { row, mut runs, .. }) = row.trigger(&name, &timetable, self.now())?;
            if self.client.by != Actor::UNKNOWN {
                runs.iter_mut().filter(|new| new.id == run).for_each(|new| new.by = self.client.by.clone());
            }
            let change = ScheduleChange { name: name.clone(), seen: Some(revision), value: Some(row.encode()), runs };
            match self.client.store().schedule(change).await {
                Ok(_) => return Ok(run),
                Err(NotChanged::Conflict { .. }) => {}
                Err(NotChanged::Store(error)) => return Err(error.into()),
            }
        }
        Err(SchedulesError::Contended { name, tries: TRIES })
    }

    /// What code declares holds again, in place of what was changed at run time, from the next start of such a server on.
    /// One that no code declares stays as it is.
    pub async fn reset_to_declared(&self, name: &str) -> Result<ScheduleInfo, SchedulesError> {
        self.edit(name, |_, row, _| {
            if row.origin != Origin::Client {
                row.changed = None;
            }
            Ok(())
        })
        .await
    }

    /// Removes a schedule. Its runs stay as they are; those that would have waited for their turn are not enqueued.
    ///
    /// # Errors
    /// [`SchedulesError::DeclaredInCode`]: the next start would make it again.
    pub async fn delete(&self, name: &str) -> Result<(), SchedulesError> {
        let name = ScheduleName::new(name)?;
        for _ in 0..TRIES {
            let (revision, row) = self.read(&name).await?;
            if row.origin != Origin::Client {
                return Err(SchedulesError::DeclaredInCode(name));
            }
            if self.remove(&name, revision).await? {
                return Ok(());
            }
        }
        Err(SchedulesError::Contended { name, tries: TRIES })
    }

    /// Removes a schedule whatever it is, even if it cannot be read. One that code declares is made anew by the next
    /// start.
    pub async fn discard(&self, name: &str) -> Result<(), SchedulesError> {
        let name = ScheduleName::new(name)?;
        for _ in 0..TRIES {
            let revision = self.row(&name).await?.revision;
            if self.remove(&name, revision).await? {
                return Ok(());
            }
        }
        Err(SchedulesError::Contended { name, tries: TRIES })
    }

    async fn remove(&self, name: &ScheduleName, revision: u64) -> Result<bool, SchedulesError> {
        let change = ScheduleChange { name: name.clone(), seen: Some(revision), value: None, runs: vec![] };
        match self.client.store().schedule(change).await {
            Ok(_) => Ok(true),
            Err(NotChanged::Conflict { .. }) => Ok(false),
            Err(NotChanged::Store(error)) => Err(error.into()),
        }
    }

    /// Makes the same change on what is there, until nobody came before.
    async fn edit(
        &self,
        name: &str,
        change: impl Fn(&ScheduleName, &mut Row, Timestamp) -> Result<(), SchedulesError>,
    ) -> Result<ScheduleInfo, SchedulesError> {
        let name = ScheduleName::new(name)?;
        for _ in 0..TRIES {
            let (revision, before) = self.read(&name).await?;
            let mut row = before.clone();
            change(&name, &mut row, self.now())?;
            if row == before {
                return Ok(self.info(name, row));
            }
            let value = Some(row.encode());
            let change = ScheduleChange { name: name.clone(), seen: Some(revision), value, runs: vec![] };
            match self.client.store().schedule(change).await {
                Ok(_) => return Ok(self.info(name, row)),
                Err(NotChanged::Conflict { .. }) => {}
                Err(NotChanged::Store(error)) => return Err(error.into()),
            }
        }
        Err(SchedulesError::Contended { name, tries: TRIES })
    }

    async fn read(&self, name: &ScheduleName) -> Result<(u64, Row), SchedulesError> {
        let row = self.row(name).await?;
        let unreadable = |reason| SchedulesError::Unreadable { name: name.clone(), reason };
        Ok((row.revision, Row::decode(&row.value).map_err(unreadable)?))
    }

    /// The store tells all schedules at once: they are few, or a look at one is seldom.
    async fn row(&self, name: &ScheduleName) -> Result<ScheduleRow, SchedulesError> {
        let rows = self.client.store().schedules(0).await?.changed;
        let found = rows.into_iter().find(|row| row.name == *name);
        found.ok_or_else(|| SchedulesError::NotFound(name.clone()))
    }

    fn info(&self, name: ScheduleName, row: Row) -> ScheduleInfo {
        ScheduleInfo::new(name, row, self.now())
    }

    fn now(&self) -> Timestamp {
        self.client.inner.clock.now()
    }
}

/// A change of a schedule: say what, and await it. What is not said stays. The change is kept when servers start whose
/// code declares the schedule, even if that was changed meanwhile; they say so in their log.
///
/// ```
/// use longhaul::{Schedule, doc::{Count, CountUp}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let schedules = longhaul::doc::client().schedules();
/// let hour = Duration::from_secs(3600);
/// schedules.create::<CountUp>("count", Schedule::every(hour), Count { to: 3 }).await?;
/// let info = schedules
///     .change("count")
///     .acting_as("ann")
///     .schedule(Schedule::every(2 * hour))
///     .metadata::<CountUp>(Count { to: 4 })
///     .queue("slow")
///     .await?;
/// assert_eq!(info.describe()?, "every 2 hours");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Nothing is changed when something of it is refused.
#[must_use = "nothing is changed before this is awaited"]
pub struct ChangeSchedule {
    schedules: Schedules,
    name: String,
    what: What,
}

struct What {
    by: Box<str>,
    schedule: Option<Schedule>,
    options: Options,
    /// In place of the labels that were there; the new ones are in the options.
    replaces_labels: bool,
    metadata: Option<Metadata>,
}

/// Puts the metadata that was handed in into a row, if it is one of the right kind.
type Metadata = Box<dyn Fn(&ScheduleName, &mut Row) -> Result<(), SchedulesError> + Send + Sync>;

impl std::fmt::Debug for ChangeSchedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeSchedule").field("name", &self.name).finish_non_exhaustive()
    }
}

impl ChangeSchedule {
    /// In the name of somebody, in place of the one that the [client](Client::acting_as) names. The name is cut to 128
    /// bytes; nobody checks it.
    pub fn acting_as(mut self, name: &str) -> Self {
        self.what.by = Actor::named(name).as_str().unwrap_or(super::NOBODY).into();
        self
    }

    /// When it is due. With another timing it begins anew, at now; another policy or jitter is no other timing.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.what.schedule = Some(schedule);
        self
    }

    /// The metadata of the runs to come. Refused if the runs are not of `T`.
    pub fn metadata<T: TaskDefinition>(mut self, metadata: T::Metadata) -> Self {
        let shapes = self.schedules.client.inner.shapes.clone();
        let put = move |name: &ScheduleName, row: &mut Row| {
            let wrong = |error: RunsError| SchedulesError::Runs { name: name.clone(), error };
            let definition = Definition::<T>::of_task(&shapes).map_err(|error| wrong(error.into()))?;
            if !definition.common.kinds.contains(&row.runs.kind) {
                let (kind, asked) = (row.runs.kind.clone(), definition.common.kind().clone());
                return Err(SchedulesError::OtherKind { name: name.clone(), kind, asked });
            }
            row.runs.metadata = definition.common.metadata.encode(&metadata).map_err(|error| wrong(error.into()))?;
            row.runs.version = definition.common.version;
            row.runs.tags.retain(|tag| !definition.common.gives_tag(&tag.key));
            row.runs.tags.extend(definition.marked_tags(&metadata));
            row.runs.check().map_err(wrong)
        };
        self.what.metadata = Some(Box::new(put));
        self
    }

    /// The queue of the runs to come.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.what.options.queue = Some(queue.into());
        self
    }

    /// The priority of the runs to come.
    pub fn priority(mut self, priority: i8) -> Self {
        self.what.options.priority = Some(priority);
        self
    }

    /// The labels that the runs to come require of a server, in place of those before.
    pub fn requires<L: Into<String>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        self.what.options.requires = labels.into_iter().map(Into::into).collect();
        self.what.replaces_labels = true;
        self
    }

    async fn send(self) -> Result<ScheduleInfo, SchedulesError> {
        let What { by, schedule, options, replaces_labels, metadata } = self.what;
        let change = |name: &ScheduleName, row: &mut Row, now: Timestamp| {
            let before = row.clone();
            if let Some(schedule) = &schedule {
                check_schedule(name, schedule)?;
                row.schedule = schedule.clone();
            }
            let refused = |error| SchedulesError::Timetable { name: name.clone(), error };
            row.retime(&row.schedule.timetable().map_err(refused)?, now);
            let wrong = |error| SchedulesError::Runs { name: name.clone(), error };
            if replaces_labels {
                row.runs.requires.clear();
            }
            options.clone().apply(&mut row.runs).map_err(wrong)?;
            metadata.as_ref().map_or(Ok(()), |put| put(name, row))?;
            if *row != before {
                row.changed = Some(crate::Changed { at: now, by: by.clone() });
            }
            check_size(name, row)
        };
        self.schedules.edit(&self.name, change).await
    }
}

impl IntoFuture for ChangeSchedule {
    type Output = Result<ScheduleInfo, SchedulesError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
