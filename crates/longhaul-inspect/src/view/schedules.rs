//! Schedules, with what comes next.

use longhaul::{LocalTime, Schedule, ScheduleInfo, ScheduleName, Timestamp};
use serde::{Serialize, Serializer};

use crate::{InspectError, Inspector, ScheduleAction, serial};

/// How many instants ahead are shown.
const AHEAD: usize = 5;
/// The most that can be asked for.
const AHEAD_MAX: u64 = 1000;

/// A schedule, with its next five instants on the clock of its zone. One that is paused shows those that it would have.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScheduleView {
    /// What is kept of it.
    pub info: ScheduleInfo,
    /// The next instants, or why there are none.
    pub next: Result<Vec<LocalTime>, String>,
    /// The time of the store when it was read.
    pub now: Timestamp,
}

impl ScheduleView {
    fn new(info: ScheduleInfo, now: Timestamp) -> Self {
        let next = info.preview(AHEAD).map_err(|error| error.to_string());
        Self { info, next, now }
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
    text: String,
}

#[derive(Serialize)]
struct View<'a> {
    #[serde(flatten)]
    info: &'a ScheduleInfo,
    instants: Vec<Instant>,
    actions: Vec<&'static str>,
}

impl Serialize for ScheduleView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let instant =
            |local: &LocalTime| Instant { at: local.at, offset_seconds: local.offset_seconds, text: local.to_string() };
        let instants = self.next.iter().flatten().map(instant).collect();
        let actions = self.actions().into_iter().map(ScheduleAction::as_str).collect();
        View { info: &self.info, instants, actions }.serialize(serializer)
    }
}

impl Inspector {
    /// All schedules, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn schedules(&self) -> Result<Vec<ScheduleView>, InspectError> {
        let (infos, now) = (self.client().schedules().list().await?, self.now());
        let mut views: Vec<_> = infos.into_iter().map(|info| ScheduleView::new(info, now)).collect();
        views.sort_by(|left, right| left.info.name().cmp(right.info.name()));
        Ok(views)
    }

    /// One schedule.
    ///
    /// # Errors
    /// [`InspectError::NotFound`] when there is no such schedule.
    pub async fn schedule(&self, name: &ScheduleName) -> Result<ScheduleView, InspectError> {
        let info = self.client().schedules().get(name.as_str()).await?;
        Ok(ScheduleView::new(info, self.now()))
    }
}
