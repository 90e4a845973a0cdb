//! The stored form of a schedule. Frozen: what is released is never changed, only followed by another version.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Missed, Overlap, Schedule, Timing};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
pub(super) enum Stored {
    #[serde(rename = "v1")]
    V1(ScheduleV1),
}

#[derive(Serialize, Deserialize)]
pub(super) struct ScheduleV1 {
    timing: TimingV1,
    starting_micros: Option<i64>,
    jitter_micros: u64,
    missed: MissedV1,
    overlap: OverlapV1,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TimingV1 {
    Every { micros: u64 },
    Once { at_micros: i64 },
    Cron { pattern: Box<str>, zone: Box<str> },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MissedV1 {
    Skip,
    Once,
    All { max: u32 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OverlapV1 {
    Skip,
    Queue,
    Allow,
    CancelRunning,
}

impl From<Schedule> for Stored {
    fn from(schedule: Schedule) -> Self {
        Self::V1(ScheduleV1 {
            timing: match schedule.timing {
                Timing::Every(interval) => TimingV1::Every { micros: micros(interval) },
                Timing::Once(at) => TimingV1::Once { at_micros: at.as_micros() },
                Timing::Cron { pattern, zone } => TimingV1::Cron { pattern, zone },
            },
            starting_micros: schedule.starting.map(Timestamp::as_micros),
            jitter_micros: micros(schedule.jitter),
            missed: match schedule.missed {
                Missed::Skip => MissedV1::Skip,
                Missed::Once => MissedV1::Once,
                Missed::All(max) => MissedV1::All { max },
            },
            overlap: match schedule.overlap {
                Overlap::Skip => OverlapV1::Skip,
                Overlap::Queue => OverlapV1::Queue,
                Overlap::Allow => OverlapV1::Allow,
                Overlap::CancelRunning => OverlapV1::CancelRunning,
            },
        })
    }
}

impl From<Stored> for Schedule {
    fn from(Stored::V1(stored): Stored) -> Self {
        Self {
            timing: match stored.timing {
                TimingV1::Every { micros } => Timing::Every(Duration::from_micros(micros)),
                TimingV1::Once { at_micros } => Timing::Once(Timestamp::from_micros(at_micros)),
                TimingV1::Cron { pattern, zone } => Timing::Cron { pattern, zone },
            },
            starting: stored.starting_micros.map(Timestamp::from_micros),
            jitter: Duration::from_micros(stored.jitter_micros),
            missed: match stored.missed {
                MissedV1::Skip => Missed::Skip,
                MissedV1::Once => Missed::Once,
                MissedV1::All { max } => Missed::All(max),
            },
            overlap: match stored.overlap {
                OverlapV1::Skip => Overlap::Skip,
                OverlapV1::Queue => Overlap::Queue,
                OverlapV1::Allow => Overlap::Allow,
                OverlapV1::CancelRunning => Overlap::CancelRunning,
            },
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
