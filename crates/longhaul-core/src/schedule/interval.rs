//! The instants of an interval: plain arithmetic, however long nobody looked.

use std::time::Duration;

use super::{INTERVAL_MAX, INTERVAL_MIN, ScheduleError};
use crate::time::Timestamp;

const UNITS: [(i128, &str); 3] = [(24 * 60 * 60, "day"), (60 * 60, "hour"), (60, "minute")];

#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    micros: i128,
    first: Option<Timestamp>,
}

impl Interval {
    pub(super) fn new(interval: Duration, first: Option<Timestamp>) -> Result<Self, ScheduleError> {
        if !(INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
            return Err(ScheduleError::Interval { given: interval });
        }
        Ok(Self { micros: interval.as_micros() as i128, first })
    }

    /// The first instant after `after`.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self.first {
            Some(first) if after < first => Some(first),
            _ => self.instant(self.number(after) + 1),
        }
    }

    /// The last instant in (`after`, `until`].
    pub(super) fn latest(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let latest = self.instant(self.number(until))?;
        (latest > after && self.first.is_none_or(|first| latest >= first)).then_some(latest)
    }

    /// How many instants lie in (`after`, `until`].
    pub(super) fn count(&self, after: Timestamp, until: Timestamp) -> u64 {
        let before_first = Timestamp::from_micros(self.first.map_or(i64::MIN, |first| first.as_micros() - 1));
        let after = after.max(before_first);
        u64::try_from(self.number(until) - self.number(after)).unwrap_or(0)
    }

    /// In words: "every day", "every 15 minutes", "every 1.5 seconds"; in the largest unit that leaves no rest.
    pub(super) fn describe(&self) -> String {
        if self.micros % 1_000_000 != 0 {
            return format!("every {} seconds", self.micros as f64 / 1e6);
        }
        let seconds = self.micros / 1_000_000;
        let (size, unit) = UNITS.into_iter().find(|(size, _)| seconds % size == 0).unwrap_or((1, "second"));
        match seconds / size {
            1 => format!("every {unit}"),
            number => format!("every {number} {unit}s"),
        }
    }

    fn anchor(&self) -> i128 {
        self.first.unwrap_or(Timestamp::EPOCH).as_micros().into()
    }

    /// The number of the last instant at or before `at`, counted from the anchor.
    fn number(&self, at: Timestamp) -> i128 {
        (i128::from(at.as_micros()) - self.anchor()).div_euclid(self.micros)
    }

    fn instant(&self, number: i128) -> Option<Timestamp> {
        let micros = i64::try_from(self.anchor() + number * self.micros).ok()?;
        let instant = Timestamp::from_micros(micros);
        (instant <= Timestamp::MAX).then_some(instant)
    }
}
