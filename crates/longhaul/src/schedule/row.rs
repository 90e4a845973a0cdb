//! What is kept of a schedule. Frozen: what is released is never changed, only followed by another version.

use std::sync::Arc;

use longhaul_core::{
    Paused, RunId, Schedule, ScheduleError, ScheduleName, Timestamp, Timetable,
    schedule::{Exceptions, Mark, run_id},
};
use serde::{Deserialize, Serialize};

use super::runs::Runs;

/// The latest runs that a row names: what fits a line on a page.
pub(crate) const LAST_MAX: usize = 10;

/// Says which version stands there, so that a later one can be told from this one.
#[derive(Serialize, Deserialize)]
enum Stored {
    #[serde(rename = "v1")]
    V1(Row),
    /// Written only of a row with exceptions, which older code has to refuse: it would fire what was left out.
    #[serde(rename = "v2")]
    V2(Row),
}

/// A schedule as it is kept: what was asked, and how far it was followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    /// When.
    pub(crate) schedule: Schedule,
    /// What is enqueued then.
    pub(crate) runs: Runs,
    /// Who made it.
    pub(crate) origin: Origin,
    /// An operator changed what code declares: code does not change it back.
    pub(crate) changed: Option<Changed>,
    #[serde(with = "paused")]
    pub(crate) paused: Option<Paused>,
    pub(crate) mark: Mark,
    /// Enqueued, and final as far as anybody has looked: not.
    pub(crate) unfinished: Vec<Instance>,
    /// Decided on, and to be enqueued when those before are finished.
    pub(crate) waiting: Vec<Instance>,
    /// The latest that were enqueued, the newest last.
    pub(crate) last: Vec<Instance>,
    pub(crate) counts: ScheduleCounts,
    /// Single instants that an operator left out or moved. Not part of what code declares.
    #[serde(default, skip_serializing_if = "Exceptions::is_empty")]
    pub(crate) exceptions: Exceptions,
}

/// One run of a schedule. Its id follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instance {
    /// The instant that it stands for, or when somebody asked for it.
    pub(crate) at: Timestamp,
    /// Somebody asked for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) by_hand: bool,
}

impl Instance {
    pub(crate) fn run(self, name: &ScheduleName) -> RunId {
        if self.by_hand {
            // No name contains a space, so no schedule's instant has this id.
            run_id(&format!("{name} by hand"), self.at)
        } else {
            run_id(name.as_str(), self.at)
        }
    }
}

/// Who made a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Origin {
    /// The code of servers of this name, and a digest of what it declares.
    Code { server: Box<str>, digest: u64 },
    /// A client, at run time.
    Client,
}

/// When an operator changed what code declares, and who.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{Schedule, doc::{Count, CountUp}};
/// use std::time::Duration;
///
/// let schedules = longhaul::doc::client().schedules();
/// let hour = Duration::from_secs(3600);
/// schedules.create::<CountUp>("count", Schedule::every(hour), Count { to: 3 }).await?;
/// let info = schedules.change("count").acting_as("ann").schedule(Schedule::every(2 * hour)).await?;
/// assert_eq!(info.changed().map(|changed| &*changed.by), Some("ann"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Changed {
    /// When it was changed last.
    pub at: Timestamp,
    /// By whom.
    pub by: Box<str>,
}

/// What became of a schedule's instants, since it was made.
///
/// ```
/// assert_eq!(longhaul::ScheduleCounts::default().enqueued, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScheduleCounts {
    /// Got a run; those that were triggered by hand are among them.
    pub enqueued: u64,
    /// Went by unseen, and got no run. At least so many: of a cron pattern a thousand are counted at a time.
    pub missed: u64,
    /// Got no run because an earlier one was not finished, or too many were waiting.
    pub overlapped: u64,
}

impl Row {
    pub(crate) fn encode(&self) -> Arc<[u8]> {
        let version = if self.exceptions.is_empty() { Stored::V1 } else { Stored::V2 };
        serde_json::to_vec(&version(self.clone())).expect("a row holds nothing that JSON does not").into()
    }

    /// `Err`: what is wrong with it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (Stored::V1(row) | Stored::V2(row)) = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        Ok(row)
    }

    /// Its instants, with what was left out and moved.
    pub(crate) fn timetable(&self) -> Result<Timetable, ScheduleError> {
        Ok(self.schedule.timetable()?.with_exceptions(&self.exceptions))
    }
}

mod paused {
    use longhaul_core::{Paused, Timestamp};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct PausedV1 {
        at: Timestamp,
        by: Box<str>,
        why: Option<Box<str>>,
    }

    #[expect(clippy::ref_option, reason = "serde hands it in so")]
    pub(super) fn serialize<S: Serializer>(paused: &Option<Paused>, serializer: S) -> Result<S::Ok, S::Error> {
        let stored = paused.clone().map(|Paused { at, by, why, until: _ }| PausedV1 { at, by, why });
        stored.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Paused>, D::Error> {
        let stored = Option::<PausedV1>::deserialize(deserializer)?;
        Ok(stored.map(|PausedV1 { at, by, why }| Paused { at, by, why, until: None }))
    }
}
