//! Schedules, with what comes next and what came last.

use std::collections::BTreeMap;

use longhaul::{
    Date, LocalTime, Missed, Overlap, RunId, Schedule, ScheduleInfo, ScheduleName, ScheduledRun, ShownContent,
    ShownValue, StateKind, Timestamp, Views, limits::PAGE_MAX, store_api::schedule::Timing,
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::{InspectError, Inspector, ScheduleAction, redact, serial};

/// How many instants ahead are shown.
const AHEAD: usize = 5;
/// The most that can be asked for.
const AHEAD_MAX: u64 = 1000;

/// A schedule, with its next five instants on the clock of its zone, and its latest runs. One that is paused shows the
/// instants that it would have.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScheduleView {
    /// What is kept of it.
    pub info: ScheduleInfo,
    /// What each of its runs is asked, without what its kind's schema hides.
    pub metadata: ShownValue,
    /// The next instants, or why there are none.
    pub next: Result<Vec<LocalTime>, String>,
    /// Its latest runs, at most ten, the newest last.
    pub latest: Vec<LatestRun>,
    /// The time of the store when it was read.
    pub now: Timestamp,
}

/// One of the latest runs of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LatestRun {
    /// Which.
    pub run: RunId,
    /// The instant that it stands for, or when somebody triggered it.
    #[serde(serialize_with = "serial::time")]
    pub at: Timestamp,
    /// Whether somebody triggered it.
    pub by_hand: bool,
    /// Its state; `None`: there is no such run any more.
    pub state: Option<StateKind>,
}

impl LatestRun {
    fn new(scheduled: &ScheduledRun, states: &BTreeMap<RunId, StateKind>) -> Self {
        let ScheduledRun { run, at, by_hand, .. } = *scheduled;
        Self { run, at, by_hand, state: states.get(&run).copied() }
    }
}

impl ScheduleView {
    fn new(info: ScheduleInfo, states: &BTreeMap<RunId, StateKind>, views: &Views, now: Timestamp) -> Self {
        let next = info.preview(AHEAD).map_err(|error| error.to_string());
        let mut metadata = info.shown_metadata(views);
        if let Some(schema) = views.schema(info.kind().as_str()) {
            redact::metadata(&mut metadata, schema);
        } else if !views.kinds().any(|known| known == info.kind()) {
            // Only the code of the kind knows what may be seen of it.
            metadata.content = ShownContent::Hidden;
        }
        let latest = info.latest().iter().map(|scheduled| LatestRun::new(scheduled, states)).collect();
        Self { info, metadata, next, latest, now }
    }

    /// With another number of instants, at most 1000.
    ///
    /// # Errors
    /// [`InspectError::Invalid`] for more.
    pub fn ahead(self, next: u64) -> Result<Self, InspectError> {
        if next > AHEAD_MAX {
            return Err(InspectError::invalid("next", format!("at most {AHEAD_MAX} instants are shown")));
        }
        Ok(Self { next: self.info.preview(next as usize).map_err(|error| error.to_string()), ..self })
    }

    /// Its pattern in words: `every 5 minutes`, `at 02:00, Europe/Berlin`.
    pub fn text(&self) -> String {
        self.info.describe().unwrap_or_else(|error| error.to_string())
    }

    /// The pattern.
    pub fn schedule(&self) -> &Schedule {
        self.info.schedule()
    }

    /// What makes sense of it now. The store decides again when it is done.
    pub fn actions(&self) -> Vec<ScheduleAction> {
        let is_declared = self.info.made_by() != longhaul::ScheduleOrigin::Client;
        let fits = |action: &ScheduleAction| match action {
            ScheduleAction::Pause => self.info.paused().is_none(),
            ScheduleAction::Resume => self.info.paused().is_some(),
            ScheduleAction::Delete => !is_declared,
            _ => true,
        };
        ScheduleAction::ALL.into_iter().filter(fits).collect()
    }
}

#[derive(Serialize)]
struct Instant {
    #[serde(serialize_with = "serial::time")]
    at: Timestamp,
    offset_seconds: i32,
    /// When the schedule has it, if it was moved.
    #[serde(serialize_with = "serial::optional_time")]
    moved_from: Option<Timestamp>,
    text: String,
}

/// When it is due, by the names that a request has.
#[derive(Default, Serialize)]
struct When<'a> {
    every_seconds: Option<f64>,
    cron: Option<&'a str>,
    zone: Option<&'a str>,
    #[serde(serialize_with = "serial::optional_time")]
    once: Option<Timestamp>,
    #[serde(serialize_with = "serial::optional_time")]
    starting: Option<Timestamp>,
    #[serde(serialize_with = "serial::optional_time")]
    ending: Option<Timestamp>,
    except: &'a [Date],
    missed: Value,
    overlap: &'static str,
}

impl<'a> When<'a> {
    fn new(schedule: &'a Schedule) -> Self {
        let missed = match schedule.missed {
            Missed::Skip => "skip".into(),
            Missed::Once => "once".into(),
            Missed::All(max) => json!({ "all": max }),
        };
        let overlap = match schedule.overlap {
            Overlap::Skip => "skip",
            Overlap::Queue => "queue",
            Overlap::Allow => "allow",
            Overlap::CancelRunning => "cancel_running",
        };
        let Schedule { starting, ending, except, .. } = schedule;
        let all = Self { starting: *starting, ending: *ending, except, missed, overlap, ..Self::default() };
        match &schedule.timing {
            Timing::Every(interval) => Self { every_seconds: Some(interval.as_secs_f64()), ..all },
            Timing::Once(at) => Self { once: Some(*at), ..all },
            Timing::Cron { pattern, zone } => Self { cron: Some(pattern), zone: Some(zone), ..all },
        }
    }
}

#[derive(Serialize)]
struct View<'a> {
    #[serde(flatten)]
    info: &'a ScheduleInfo,
    when: When<'a>,
    metadata: &'a ShownValue,
    instants: Vec<Instant>,
    latest: &'a [LatestRun],
    actions: Vec<&'static str>,
}

impl Serialize for ScheduleView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let instant = |local: &LocalTime| Instant {
            at: local.at,
            offset_seconds: local.offset_seconds,
            moved_from: local.moved_from,
            text: local.to_string(),
        };
        let instants = self.next.iter().flatten().map(instant).collect();
        let actions = self.actions().into_iter().map(ScheduleAction::as_str).collect();
        let (when, metadata, latest) = (When::new(self.schedule()), &self.metadata, &*self.latest);
        View { info: &self.info, when, metadata, instants, latest, actions }.serialize(serializer)
    }
}

impl Inspector {
    /// All schedules, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn schedules(&self) -> Result<Vec<ScheduleView>, InspectError> {
        let mut views = self.schedule_views(self.client().schedules().list().await?).await?;
        views.sort_by(|left, right| left.info.name().cmp(right.info.name()));
        Ok(views)
    }

    /// One schedule.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] when there is no such schedule.
    pub async fn schedule(&self, name: &ScheduleName) -> Result<ScheduleView, InspectError> {
        self.schedule_view(self.client().schedules().get(name.as_str()).await?).await
    }

    pub(crate) async fn schedule_view(&self, info: ScheduleInfo) -> Result<ScheduleView, InspectError> {
        Ok(self.schedule_views(vec![info]).await?.remove(0))
    }

    /// The states of all their latest runs are read together, by ids that follow from the schedules.
    async fn schedule_views(&self, infos: Vec<ScheduleInfo>) -> Result<Vec<ScheduleView>, InspectError> {
        let (views, now) = (self.views().await?, self.now());
        let ids: Vec<RunId> = infos.iter().flat_map(ScheduleInfo::last_runs).collect();
        let mut states = BTreeMap::new();
        for some in ids.chunks(PAGE_MAX) {
            let headers = self.client().store().headers(some.to_vec()).await?;
            states.extend(headers.into_iter().map(|header| (header.id, header.state)));
        }
        Ok(infos.into_iter().map(|info| ScheduleView::new(info, &states, &views, now)).collect())
    }
}
