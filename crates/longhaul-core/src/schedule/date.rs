//! A day of the calendar.

use std::{fmt, str::FromStr};

use jiff::{civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::time::Timestamp;

/// A day of the calendar, in no time zone: year, month, day. Written as `2026-12-24`.
///
/// ```
/// use longhaul_core::Date;
///
/// let eve = Date::new(2026, 12, 24)?;
/// assert_eq!("2026-12-24".parse(), Ok(eve));
/// assert_eq!(eve.to_string(), "2026-12-24");
/// let error = Date::new(2026, 2, 30).unwrap_err();
/// assert_eq!(error.to_string(), "`2026-02-30` is no date: write year, month and day, as in 2026-12-24");
/// # Ok::<(), longhaul_core::schedule::DateError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

/// What was given is no day of the calendar.
///
/// ```
/// assert!("24.12.2026".parse::<longhaul_core::Date>().unwrap_err().to_string().contains("`24.12.2026` is no date"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is no date: write year, month and day, as in 2026-12-24")]
#[non_exhaustive]
pub struct DateError {
    /// What was given, cut to 32 bytes.
    pub given: Box<str>,
}

impl Date {
    /// A day of the years 0 to 9999.
    pub fn new(year: i16, month: i8, day: i8) -> Result<Self, DateError> {
        let refused = || DateError { given: format!("{year:04}-{month:02}-{day:02}").into() };
        let date = civil::Date::new(year, month, day).map_err(|_| refused())?;
        if year < 0 { Err(refused()) } else { Ok(Self(date)) }
    }

    /// From the first instant of this day to that of the next, on the clocks of `zone`. A day that a zone left out has
    /// none.
    pub(super) fn on(self, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let first = |day: civil::Date| {
            let midnight = day.to_datetime(civil::Time::midnight());
            let first = zone.to_ambiguous_timestamp(midnight).compatible().ok()?;
            Some(Timestamp::from_micros(first.as_microsecond()))
        };
        let (begin, end) = (first(self.0)?, first(self.0.tomorrow().ok()?)?);
        (begin < end).then_some((begin, end))
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let refused = || DateError { given: crate::limits::cut(text, 32).into() };
        let bytes = text.as_bytes();
        let is_date = bytes.len() == 10
            && bytes
                .iter()
                .enumerate()
                .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
        if !is_date {
            return Err(refused());
        }
        text.parse().map(Self).map_err(|_| refused())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
