//! The instants of a cron pattern. `croner` says which wall-clock times match; which instants these are is decided
//! here, so that another version of it moves no schedule's instants on the days when the clock changes.

mod clock_change;
mod field;
mod pattern;
mod words;
mod zone;

use jiff::{
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::ScheduleError;
use crate::time::Timestamp;

/// Where the search for a first match begins: patterns are checked without a clock. The calendar repeats after 400
/// years, so that what matches never from here on never matches.
const SEARCH_FROM: DateTime = jiff::civil::datetime(2000, 1, 1, 0, 0, 0, 0);

#[derive(Debug)]
pub(super) struct Cron {
    pattern: croner::Cron,
    /// The pattern names every hour, so that it is an interval rather than times of the day.
    every_hour: bool,
    zone: TimeZone,
    words: String,
}

impl Cron {
    pub(super) fn new(pattern: &str, zone: &str) -> Result<Self, ScheduleError> {
        let fields = pattern::parse(pattern)?;
        let refused = |error: croner::errors::CronError| ScheduleError::Pattern {
            pattern: pattern.into(),
            reason: error.to_string(),
        };
        let parsed = pattern::parser().parse(&fields.canonical()).map_err(refused)?;
        let cron = Self {
            every_hour: parsed.pattern.hours.values().len() == 24,
            words: format!("{}, {zone}", words::describe(&fields)),
            pattern: parsed,
            zone: zone::find(zone)?,
        };
        match cron.match_after(SEARCH_FROM) {
            Some(_) => Ok(cron),
            None => Err(ScheduleError::NeverFires(pattern.into())),
        }
    }

    /// The first instant after `after`.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // Instants are whole seconds: the first after this second began is the first after `after`, or at it.
        let second = jiff::Timestamp::from_second(after.as_micros().div_euclid(1_000_000)).ok()?;
        let next = if self.every_hour { self.next_by_elapsed(second) } else { self.next_by_wall(second) }?;
        let next = Timestamp::from_micros(next.as_microsecond());
        (next <= Timestamp::MAX).then_some(next)
    }

    pub(super) fn zone(&self) -> TimeZone {
        self.zone.clone()
    }

    pub(super) fn offset_seconds(&self, at: Timestamp) -> i32 {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        self.zone.to_offset(at).seconds()
    }

    pub(super) fn describe(&self) -> String {
        self.words.clone()
    }

    /// The first wall-clock time after `wall` that the pattern names. The search ends in the year 5000.
    fn match_after(&self, wall: DateTime) -> Option<DateTime> {
        self.pattern.find_next_occurrence(&wall, false).ok()
    }

    /// The first wall-clock time at or after `wall` that the pattern names.
    fn match_from(&self, wall: DateTime) -> Option<DateTime> {
        self.pattern.find_next_occurrence(&wall, true).ok()
    }

    fn names_day(&self, day: Date) -> bool {
        self.match_from(day.to_datetime(jiff::civil::Time::midnight())).is_some_and(|first| first.date() == day)
    }
}
