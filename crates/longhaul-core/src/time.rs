//! A point in time, to the microsecond.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

/// A point in time in microseconds since 1970-01-01 UTC. Shown as RFC 3339, `2026-11-20T21:00:00Z`.
///
/// Microseconds, because that is what PostgreSQL keeps: a time survives every store unchanged. Arithmetic saturates.
///
/// ```
/// use longhaul_core::Timestamp;
/// use std::time::Duration;
///
/// let at = Timestamp::from_micros(1_500_000);
/// assert_eq!(at.to_string(), "1970-01-01T00:00:01.5Z");
/// assert_eq!(at.after(Duration::from_secs(1)).since(at), Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01 UTC.
    pub const EPOCH: Self = Self(0);
    /// The latest instant that jiff can show: 9999-12-30T22:00:00.999999Z.
    pub const MAX: Self = Self(253_402_207_200_999_999);

    /// From microseconds since 1970-01-01 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01 UTC.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The instant `wait` later, or [`Timestamp::MAX`].
    ///
    /// ```
    /// use longhaul_core::Timestamp;
    /// use std::time::Duration;
    ///
    /// let (start, second) = (Timestamp::from_micros(7), Duration::from_secs(1));
    /// assert_eq!(start.after(second).as_micros(), 1_000_007);
    /// assert_eq!(start.after(second).since(start), second);
    /// assert_eq!(start.since(start.after(second)), Duration::ZERO); // never negative
    /// ```
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let wait = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(wait).min(Self::MAX.0))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => Self::EPOCH.after(since),
            Err(before) => Self(i64::try_from(before.duration().as_micros()).map_or(i64::MIN, i64::saturating_neg)),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let distance = Duration::from_micros(time.0.unsigned_abs());
        if time.0 >= 0 { Self::UNIX_EPOCH + distance } else { Self::UNIX_EPOCH - distance }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By seconds: from microseconds alone, jiff refuses the fraction of its last second.
        let (seconds, micros) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000) as i32);
        match jiff::Timestamp::new(seconds, micros * 1000) {
            Ok(time) => fmt::Display::fmt(&time, f),
            Err(_) => write!(f, "{}µs", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not a time that RFC 3339 knows.
///
/// ```
/// use longhaul_core::Timestamp;
///
/// assert!("tomorrow".parse::<Timestamp>().unwrap_err().to_string().contains("tomorrow"));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is not a time: {reason}; write it as 2026-11-20T21:00:00Z")]
pub struct ParseTimestampError {
    text: String,
    reason: String,
}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Self(time.as_microsecond())),
            Err(error) => Err(ParseTimestampError { text: text.into(), reason: error.to_string() }),
        }
    }
}

/// A time that a store works out, by its own clock, when it takes the value.
///
/// ```
/// use longhaul_core::{NewRun, doc, run::Due};
///
/// let at = NewRun { due: Some(Due::At(doc::NOW)), ..doc::new_run() };
/// assert_eq!(at.due(doc::NOW), doc::new_run().due(doc::NOW)); // none: at once
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Due {
    /// At this time.
    At(Timestamp),
    /// This long after the store took it.
    After(Duration),
}

impl Due {
    /// The time, for a store that takes it at `now`.
    pub fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::After(wait) => now.after(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_before_1970_goes_to_system_time_and_back() {
        let time = Timestamp::from_micros(-1_500_000);
        assert_eq!(Timestamp::from(SystemTime::from(time)), time);
        assert_eq!(time.to_string(), "1969-12-31T23:59:58.5Z");
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Timestamp::MAX.after(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T22:00:00.999999Z");
    }

    #[test]
    fn text_is_read_back() {
        let time = Timestamp::from_micros(1_795_209_600_123_456);
        assert_eq!(time.to_string().parse::<Timestamp>().expect("our own text"), time);
        assert!("yesterday".parse::<Timestamp>().unwrap_err().to_string().contains("yesterday"));
    }
}
