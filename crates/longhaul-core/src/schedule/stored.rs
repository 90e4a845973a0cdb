//! The stored form of a schedule. Frozen: what is released is never changed, only followed by another version.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Date, Missed, Overlap, Schedule, Timing};
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
pub(super) enum Stored {
    #[serde(rename = "v1")]
    V1(ScheduleV1),
    /// Written only of a schedule that version 1 has no place for, so that older code reads all others.
    #[serde(rename = "v2")]
    V2(ScheduleV2),
}

#[derive(Serialize, Deserialize)]
pub(super) struct ScheduleV2 {
    schedule: ScheduleV1,
    ending_micros: Option<i64>,
    except: Vec<Date>,
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
    fn from(mut schedule: Schedule) -> Self {
        let (ending, except) = (schedule.ending.take(), std::mem::take(&mut schedule.except));
        let first = ScheduleV1::from(schedule);
        if ending.is_none() && except.is_empty() {
            return Self::V1(first);
        }
        Self::V2(ScheduleV2 { schedule: first, ending_micros: ending.map(Timestamp::as_micros), except })
    }
}

impl From<Schedule> for ScheduleV1 {
    fn from(schedule: Schedule) -> Self {
        Self {
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
        }
    }
}

impl From<Stored> for Schedule {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::V1(first) => first.into(),
            Stored::V2(ScheduleV2 { schedule, ending_micros, except }) => {
                Self { ending: ending_micros.map(Timestamp::from_micros), except, ..schedule.into() }
            }
        }
    }
}

impl From<ScheduleV1> for Schedule {
    fn from(stored: ScheduleV1) -> Self {
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
            ending: None,
            except: Vec::new(),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
