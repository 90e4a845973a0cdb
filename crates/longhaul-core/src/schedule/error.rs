//! Why a schedule was refused.

use std::{fmt, time::Duration};

use crate::time::Timestamp;

/// A schedule that cannot be followed: what is wrong with it, and what it may be.
///
/// ```
/// use longhaul_core::{Missed, Schedule, ScheduleError};
/// use std::time::Duration;
///
/// let error = Schedule::every(Duration::from_secs(60)).missed(Missed::All(0)).timetable().unwrap_err();
/// assert_eq!(error, ScheduleError::MissedMax { max: 0 });
/// assert_eq!(error.to_string(), "missed runs `all(0)`: give 1 to 1000, or `skip`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The interval is zero, too short or too long.
    #[error(
        "the interval is {}s: give at least {}s and at most {}s (ten years)",
        given.as_secs_f64(), super::INTERVAL_MIN.as_secs(), super::INTERVAL_MAX.as_secs()
    )]
    Interval {
        /// What was given.
        given: Duration,
    },
    /// `All(max)` with a number that means nothing, or floods.
    #[error("missed runs `all({max})`: give 1 to {}, or `skip`", super::WAITING_MAX)]
    MissedMax {
        /// What was given.
        max: u32,
    },
    /// A schedule with one instant was given another, first one.
    #[error("a schedule that runs once has no other first instant: leave out `starting`, or change the time")]
    StartingOfOnce,
    /// A schedule with one instant was given an end, or dates to leave out.
    #[error("a schedule that runs once has no end, and no dates to leave out: change its time, or delete it")]
    ExceptOfOnce,
    /// More dates are to be left out than are kept.
    #[error(
        "{given} dates are to be left out, of at most {}: name those of the next years, or ask a calendar in the task",
        super::DATES_MAX
    )]
    TooManyDates {
        /// How many were given.
        given: usize,
    },
    /// It ends before its first instant.
    #[error("it ends at {ending}, and has no instant up to then: give a later end, or an earlier start")]
    NothingBefore {
        /// Its end.
        ending: Timestamp,
    },
    /// The pattern is not made of five or six fields.
    #[error(
        "the pattern `{pattern}` has {found} fields, not 5 (minute, hour, day of month, month, day of week) or 6 \
         (second in front): `0 2 * * *` is every day at 02:00"
    )]
    Fields {
        /// The pattern.
        pattern: String,
        /// How many fields it has.
        found: usize,
    },
    /// The pattern is longer than any that makes sense.
    #[error("the pattern `{beginning}…` has {length} bytes, of at most {}", super::PATTERN_MAX)]
    PatternLength {
        /// Its beginning.
        beginning: String,
        /// Its length in bytes.
        length: usize,
    },
    /// A name with `@` that stands for no pattern.
    #[error("`{0}` is no pattern: there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually")]
    Nickname(String),
    /// One field of the pattern.
    #[error("the {field} `{found}` in the pattern `{pattern}` {why}: it may be {}", field.allowed())]
    Field {
        /// The pattern.
        pattern: String,
        /// Which of its fields.
        field: CronField,
        /// What stands there.
        found: String,
        /// What is wrong with that.
        why: String,
    },
    /// No date ever matches.
    #[error(
        "the pattern `{0}` never fires: no month it names has such a day; `0 0 L * *` is the last day of each month"
    )]
    NeverFires(String),
    /// The pattern was refused for a reason that we did not foresee.
    #[error("the pattern `{pattern}` cannot be used: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why, in the words of the parser.
        reason: String,
    },
    /// No such time zone.
    #[error(
        "`{zone}` is no time zone: give an IANA name{}, or UTC",
        nearest.as_ref().map_or(" like Europe/Berlin".into(), |near| format!("; did you mean {near}?"))
    )]
    Zone {
        /// What was given.
        zone: String,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// The schedule follows a cron pattern, and this program was built without them.
    #[error(
        "the schedule follows the cron pattern `{pattern}`, and this program was built without the feature `cron` of \
         longhaul: build it with `features = [\"cron\"]`, or leave the schedule to a server that has it"
    )]
    CronDisabled {
        /// The pattern.
        pattern: String,
    },
}

/// A field of a cron pattern.
///
/// ```
/// use longhaul_core::schedule::CronField;
///
/// assert_ne!(CronField::Minute, CronField::Hour);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CronField {
    /// The first of six.
    Second,
    /// The first of five.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12.
    Month,
    /// 0 to 7, both of which are Sunday.
    DayOfWeek,
}

impl CronField {
    /// What may stand in it.
    fn allowed(self) -> &'static str {
        match self {
            Self::Second | Self::Minute => {
                "0 to 59, `*`, or a list of numbers, ranges and steps like `0,30`, `10-20`, `*/15`"
            }
            Self::Hour => "0 to 23, `*`, or a list of numbers, ranges and steps like `2,14`, `9-17`, `*/6`",
            Self::DayOfMonth => {
                "1 to 31, `*`, a list, range or step like `1,15`, `L` (the last day), `LW` (the last weekday) or `15W` \
                 (the weekday nearest to the 15th)"
            }
            Self::Month => "1 to 12, JAN to DEC, `*`, or a list, range or step like `1,7`, `MAR-MAY`, `*/3`",
            Self::DayOfWeek => {
                "0 to 7 (0 and 7 are Sunday), SUN to SAT, `*`, a list or range like `MON-FRI`, `5L` (the last Friday) or \
                 `1#2` (the second Monday)"
            }
        }
    }
}

impl fmt::Display for CronField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}
