//! Schedules that people make and change.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use longhaul::{
    Date, Missed, Overlap, Schedule, ScheduleError, ScheduleInfo, ScheduleName, SchedulesError, Tag, Timestamp,
    run::NewRun, store_api::schedule::Timing,
};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    By,
    read::{self, labels, optional_time},
    report,
};
use crate::{InspectError, Inspector, ScheduleView};

/// A schedule to be made, or what is to be changed about one. As JSON it is the body of `POST /schedules` and of
/// `POST /schedules/{name}`. Of `every_seconds`, `cron` and `once` a new schedule has exactly one.
///
/// ```
/// use longhaul_inspect::ScheduleRequest;
///
/// let body = r#"{"name": "nightly", "kind": "export", "metadata": {"table": "orders"},
///                "cron": "0 2 * * *", "zone": "Europe/Berlin"}"#;
/// let request: ScheduleRequest = serde_json::from_str(body)?;
/// assert_eq!(request.cron.as_deref(), Some("0 2 * * *"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ScheduleRequest {
    /// Its name. A change has it in its path, and does not rename.
    pub name: Option<String>,
    /// The kind of its runs. A change leaves it out.
    pub kind: Option<String>,
    /// What each run is asked, in the form that the task's metadata has as JSON. A change without it keeps what is there.
    pub metadata: Option<Value>,
    /// The interval in seconds.
    pub every_seconds: Option<f64>,
    /// A cron pattern, on the clock of `zone`.
    pub cron: Option<String>,
    /// The IANA time zone of `cron`; UTC without it.
    pub zone: Option<String>,
    /// The only instant, RFC 3339.
    #[serde(deserialize_with = "optional_time")]
    pub once: Option<Timestamp>,
    /// No instant is before this one. Of an interval it is the first.
    pub starting: BoundRequest,
    /// No instant is after this one.
    pub ending: BoundRequest,
    /// No instant is on these dates, `2026-12-25`, of the zone of `cron`, or of UTC. A change puts them in place of those
    /// before; an empty list leaves no date out.
    pub except: Option<Vec<Date>>,
    /// What happens to instants at which no server lived.
    pub missed: Option<MissedRequest>,
    /// What happens at an instant when the run before is not finished.
    pub overlap: Option<OverlapRequest>,
    /// Another queue than the kind's.
    pub queue: Option<String>,
    /// Another priority than the kind's, from -128 to 127; more is sooner.
    pub priority: Option<i8>,
    /// Tags of each run. A change does not take them.
    pub tags: BTreeMap<String, String>,
    /// Only servers with all of these labels execute its runs. A change puts them in place of those before.
    pub requires: Option<Vec<String>>,
}

/// The first or the last time at which an instant may be, as JSON has it: RFC 3339, or `null` for none.
///
/// ```
/// use longhaul_inspect::{BoundRequest, ScheduleRequest};
///
/// let request: ScheduleRequest = serde_json::from_str(r#"{"ending": null}"#)?;
/// assert_eq!((request.starting, request.ending), (BoundRequest::Unchanged, BoundRequest::Unbounded));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "nothing said, none, and one: there is no fourth")]
pub enum BoundRequest {
    /// Nothing is said: a change leaves it as it is, and a new schedule has none. With another timing a change removes it.
    #[default]
    Unchanged,
    /// There is none.
    Unbounded,
    /// This time, which is included.
    At(Timestamp),
}

impl BoundRequest {
    const fn over(self, before: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Unchanged => before,
            Self::Unbounded => None,
            Self::At(at) => Some(at),
        }
    }
}

impl From<Option<Timestamp>> for BoundRequest {
    fn from(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Unbounded, Self::At)
    }
}

impl<'de> Deserialize<'de> for BoundRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        optional_time(deserializer).map(Self::from)
    }
}

/// What happens to instants at which no server lived, as JSON has it: `"skip"`, `"once"`, `{"all": 10}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "it has the variants of `Missed`")]
pub enum MissedRequest {
    /// They are left out.
    Skip,
    /// One run makes up for all of them.
    Once,
    /// Each gets its run, at most this many.
    All(u32),
}

/// What happens when the run before is not finished, as JSON has it: `"skip"`, `"queue"`, `"allow"`, `"cancel_running"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "it has the variants of `Overlap`")]
pub enum OverlapRequest {
    /// The instant is left out.
    Skip,
    /// The new run waits for the one before.
    Queue,
    /// Both run.
    Allow,
    /// The run before is cancelled.
    CancelRunning,
}

impl From<MissedRequest> for Missed {
    fn from(missed: MissedRequest) -> Self {
        match missed {
            MissedRequest::Skip => Self::Skip,
            MissedRequest::Once => Self::Once,
            MissedRequest::All(max) => Self::All(max),
        }
    }
}

impl From<OverlapRequest> for Overlap {
    fn from(overlap: OverlapRequest) -> Self {
        match overlap {
            OverlapRequest::Skip => Self::Skip,
            OverlapRequest::Queue => Self::Queue,
            OverlapRequest::Allow => Self::Allow,
            OverlapRequest::CancelRunning => Self::CancelRunning,
        }
    }
}

impl ScheduleRequest {
    /// The timing that is asked for; `None`: none is. `before` has the zone of a pattern that is replaced.
    fn timing(&self, before: Option<&Timing>) -> Result<Option<Timing>, InspectError> {
        let zone = || match (&self.zone, before) {
            (Some(zone), _) => zone.as_str().into(),
            (None, Some(Timing::Cron { zone, .. })) => zone.clone(),
            (None, _) => "UTC".into(),
        };
        Ok(match (self.every_seconds, &self.cron, self.once) {
            (None, None, None) => match (&self.zone, before) {
                (Some(_), Some(Timing::Cron { pattern, .. })) => {
                    Some(Timing::Cron { pattern: pattern.clone(), zone: zone() })
                }
                (Some(_), _) => return Err(InspectError::invalid("zone", "only a cron pattern has a time zone")),
                (None, _) => None,
            },
            (Some(_), None, None) if self.zone.is_some() => {
                return Err(InspectError::invalid("zone", "only a cron pattern has a time zone"));
            }
            (Some(seconds), None, None) => {
                let interval = Duration::try_from_secs_f64(seconds);
                Some(Timing::Every(interval.map_err(|error| InspectError::invalid("every_seconds", error))?))
            }
            (None, Some(pattern), None) => Some(Timing::Cron { pattern: pattern.as_str().into(), zone: zone() }),
            (None, None, Some(at)) => Some(Timing::Once(at)),
            _ => return Err(InspectError::invalid("cron", "one of `every_seconds`, `cron` and `once`, not several")),
        })
    }

    /// `before`: what is changed; `None`: it is new.
    fn schedule(&self, before: Option<&Schedule>, now: Timestamp) -> Result<Schedule, InspectError> {
        let timing = self.timing(before.map(|schedule| &schedule.timing))?;
        let mut schedule = match (before, timing) {
            (None, None) => return Err(InspectError::invalid("cron", "when? `every_seconds`, `cron` or `once`")),
            (None, Some(timing)) => Schedule { timing, ..Schedule::every(Duration::from_secs(1)) },
            // The first instant and the end belong to the timing that was there; holidays do not.
            (Some(before), Some(timing)) if timing != before.timing => {
                let except = if matches!(timing, Timing::Once(_)) { Vec::new() } else { before.except.clone() };
                Schedule { timing, starting: None, ending: None, except, ..before.clone() }
            }
            (Some(before), _) => before.clone(),
        };
        schedule.starting = self.starting.over(schedule.starting);
        schedule.ending = self.ending.over(schedule.ending);
        if let Some(dates) = &self.except {
            schedule.except.clear();
            schedule = schedule.except(dates.iter().copied());
        }
        if let Some(missed) = self.missed {
            schedule.missed = missed.into();
        }
        if let Some(overlap) = self.overlap {
            schedule.overlap = overlap.into();
        }
        let timetable = schedule.timetable().map_err(|error| InspectError::invalid(field_of(&error), error))?;
        if before != Some(&schedule) && timetable.next(now).is_none() {
            let (field, why) = match &schedule.timing {
                Timing::Once(_) => ("once", "this time has passed"),
                _ if schedule.ending.is_some_and(|ending| ending <= now) => ("ending", "this time has passed"),
                Timing::Every(_) => ("every_seconds", "no instant of it is ahead"),
                Timing::Cron { .. } => ("cron", "no instant of it is ahead"),
            };
            return Err(InspectError::invalid(field, why));
        }
        Ok(schedule)
    }
}

/// The field that a refusal of a timetable is about.
const fn field_of(error: &ScheduleError) -> &'static str {
    match error {
        ScheduleError::Interval { .. } => "every_seconds",
        ScheduleError::MissedMax { .. } => "missed",
        ScheduleError::StartingOfOnce => "starting",
        ScheduleError::ExceptOfOnce | ScheduleError::TooManyDates { .. } => "except",
        ScheduleError::NothingBefore { .. } => "ending",
        ScheduleError::Zone { .. } => "zone",
        _ => "cron",
    }
}

impl Inspector {
    /// Makes a schedule.
    ///
    /// # Errors
    /// [`InspectError::Invalid`] with the field that is refused, [`InspectError::NotFound`] for a kind that cannot be
    /// enqueued here, [`InspectError::Refused`] when there is a schedule of this name.
    ///
    /// # Cancel safety
    /// When the future is dropped, the schedule is made or not.
    pub async fn create_schedule(&self, request: &ScheduleRequest, by: &By) -> Result<ScheduleView, InspectError> {
        let (name, schedule, run) = self.new_schedule(request).await?;
        let schedules = self.client().acting_as(&by.actor).schedules();
        let made = schedules.create_from_run(name.as_str(), schedule, run).await;
        report(&name, "create", by);
        self.scheduled(made).await
    }

    /// Whether [`create_schedule`](Self::create_schedule) would make it, as far as that can be told without making it: when
    /// it would come first.
    ///
    /// # Errors
    /// Those of `create_schedule`.
    ///
    /// # Cancel safety
    /// Nothing changes.
    pub async fn check_schedule(&self, request: &ScheduleRequest) -> Result<Option<Timestamp>, InspectError> {
        let (name, schedule, _) = self.new_schedule(request).await?;
        match self.client().schedules().get(name.as_str()).await {
            Ok(_) => Err(InspectError::refused(format!("there is a schedule `{name}` already"))),
            Err(SchedulesError::NotFound(_)) => {
                let timetable = schedule.timetable().map_err(|error| InspectError::invalid(field_of(&error), error))?;
                Ok(timetable.next(self.now()))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn new_schedule(&self, request: &ScheduleRequest) -> Result<(ScheduleName, Schedule, NewRun), InspectError> {
        let needed = |field: &'static str, of: &Option<String>| {
            of.clone().filter(|text| !text.is_empty()).ok_or_else(|| InspectError::invalid(field, "it is needed"))
        };
        let (name, kind) = (needed("name", &request.name)?, needed("kind", &request.kind)?);
        let name = read::schedule_name(&name)?;
        let schedule = request.schedule(None, self.now())?;
        let metadata = request.metadata.clone().unwrap_or(Value::Null);
        let mut run = self.new_run(&kind, &metadata).await?;
        if let Some(queue) = &request.queue {
            run.queue = read::queue(queue)?;
        }
        if let Some(priority) = request.priority {
            run.priority = longhaul::Priority(priority);
        }
        // What is said goes before what marks of the schema give.
        let is_said = |tag: &&Tag| request.tags.contains_key(&*tag.key);
        let marked = run.tags.iter().filter(|tag| !is_said(tag)).cloned();
        run.tags = marked.chain(read::tags(&request.tags)?).collect();
        if let Some(requires) = &request.requires {
            let mut constraints = run.constraints.map(Arc::unwrap_or_clone).unwrap_or_default();
            constraints.requires.extend(labels(requires)?);
            run.constraints = Some(constraints.into());
        }
        Ok((name, schedule, run))
    }

    /// Changes a schedule. What the request leaves out stays.
    ///
    /// # Errors
    /// As [`create_schedule`](Self::create_schedule); nothing is changed then.
    ///
    /// # Cancel safety
    /// When the future is dropped, the schedule is changed or not.
    pub async fn change_schedule(
        &self,
        name: &ScheduleName,
        request: &ScheduleRequest,
        by: &By,
    ) -> Result<ScheduleView, InspectError> {
        let fixed = |field: &str| InspectError::invalid(field, "a change leaves it as it is: make another schedule");
        let schedules = self.client().with_views(self.views().await?).acting_as(&by.actor).schedules();
        let before = schedules.get(name.as_str()).await?;
        if request.name.as_ref().is_some_and(|given| given != name.as_str()) {
            return Err(fixed("name"));
        }
        if request.kind.as_ref().is_some_and(|given| given != before.kind().as_str()) {
            return Err(fixed("kind"));
        }
        if !request.tags.is_empty() {
            return Err(fixed("tags"));
        }
        let mut change = schedules.change(name.as_str());
        change = change.schedule(request.schedule(Some(before.schedule()), self.now())?);
        if let Some(metadata) = &request.metadata {
            // It names the field that is wrong.
            self.new_run(before.kind().as_str(), metadata).await?;
            change = change.metadata_json(metadata.clone());
        }
        if let Some(queue) = &request.queue {
            read::queue(queue)?;
            change = change.queue(queue);
        }
        if let Some(priority) = request.priority {
            change = change.priority(priority);
        }
        if let Some(requires) = &request.requires {
            labels(requires)?;
            change = change.requires(requires);
        }
        let changed = change.await;
        report(name, "change", by);
        self.scheduled(changed).await
    }

    async fn scheduled(&self, answer: Result<ScheduleInfo, SchedulesError>) -> Result<ScheduleView, InspectError> {
        match answer {
            Ok(info) => self.schedule_view(info).await,
            Err(SchedulesError::Name(error)) => Err(InspectError::invalid("name", error)),
            Err(SchedulesError::Runs { error: longhaul::RunsError::Json(error), .. }) => Err(error.into()),
            Err(
                error @ (SchedulesError::Runs { .. }
                | SchedulesError::Timetable { .. }
                | SchedulesError::TooLarge { .. }),
            ) => Err(InspectError::Invalid { field: None, why: error.to_string() }),
            Err(error) => Err(error.into()),
        }
    }
}
