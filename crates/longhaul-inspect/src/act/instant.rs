//! Single instants of a schedule that people leave out, move and put back.

use longhaul::{ExceptionError, ScheduleName, SchedulesError, Timestamp};
use serde::Deserialize;

use super::{
    By,
    read::{needed_time, optional_time},
    report,
};
use crate::{InspectError, Inspector, ScheduleView};

/// What is done to one instant of a schedule.
///
/// ```
/// use longhaul_inspect::InstantAction;
///
/// assert_eq!(InstantAction::parse("skip"), Some(InstantAction::Skip));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InstantAction {
    /// It gets no run.
    Skip,
    /// It comes at another time.
    Move,
    /// It comes again when the schedule has it.
    Restore,
}

impl InstantAction {
    /// All.
    pub const ALL: [Self; 3] = [Self::Skip, Self::Move, Self::Restore];

    /// Its word in a path: `skip`, `move`, `restore`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Move => "move",
            Self::Restore => "restore",
        }
    }

    /// From its word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

/// One instant, and where it goes. As JSON it is the body of `POST /schedules/{name}/instants/{action}`.
///
/// ```
/// use longhaul_inspect::InstantRequest;
///
/// let body = r#"{"instant": "2026-12-25T01:00:00Z", "to": "2026-12-27T01:00:00Z", "reason": "Christmas"}"#;
/// let request: InstantRequest = serde_json::from_str(body)?;
/// assert_eq!(request.reason.as_deref(), Some("Christmas"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct InstantRequest {
    /// The instant, RFC 3339: as the schedule has it, or the time that it was moved to.
    #[serde(deserialize_with = "needed_time")]
    pub instant: Timestamp,
    /// When it comes instead. Of `move` only.
    #[serde(default, deserialize_with = "optional_time")]
    pub to: Option<Timestamp>,
    /// Why, for people.
    #[serde(default)]
    pub reason: Option<String>,
}

impl InstantRequest {
    /// Of this instant, with nothing more to say.
    pub const fn new(instant: Timestamp) -> Self {
        Self { instant, to: None, reason: None }
    }
}

impl Inspector {
    /// Leaves an instant of a schedule out, moves it, or puts it back.
    ///
    /// # Errors
    /// [`InspectError::Invalid`] with the field that is wrong: an instant that the schedule does not have (those next to it
    /// are named), a time that cannot be. [`InspectError::Refused`] for an instant that was handled, or of which nothing
    /// was said, and when there are too many.
    ///
    /// # Cancel safety
    /// When the future is dropped, it is done or not.
    pub async fn act_on_instant(
        &self,
        name: &ScheduleName,
        action: InstantAction,
        request: &InstantRequest,
        by: &By,
    ) -> Result<ScheduleView, InspectError> {
        let schedules = self.client().acting_as(&by.actor).schedules();
        let InstantRequest { instant, to, reason } = request;
        let reason = reason.clone().or_else(|| by.reason.clone()).unwrap_or_default();
        if to.is_some() && action != InstantAction::Move {
            return Err(InspectError::invalid("to", "only an instant that is moved has another time"));
        }
        let done = match action {
            InstantAction::Skip => schedules.skip_instant(name.as_str(), *instant).because(reason).await,
            InstantAction::Move => {
                let to =
                    to.ok_or_else(|| InspectError::invalid("to", "it is needed: when the instant comes instead"))?;
                schedules.move_instant(name.as_str(), *instant, to).because(reason).await
            }
            InstantAction::Restore => schedules.restore_instant(name.as_str(), *instant).await,
        };
        report(name, action.as_str(), by);
        let info = done.map_err(|error| match &error {
            SchedulesError::Instant { error: ExceptionError::NoInstant { .. }, .. } => {
                InspectError::invalid("instant", error)
            }
            SchedulesError::Instant { error: ExceptionError::Past { .. } | ExceptionError::Taken { .. }, .. } => {
                InspectError::invalid("to", error)
            }
            _ => error.into(),
        })?;
        self.schedule_view(info).await
    }
}
