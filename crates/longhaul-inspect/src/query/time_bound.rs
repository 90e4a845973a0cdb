//! A time in a filter.

use std::{fmt, str::FromStr, time::Duration};

use longhaul::Timestamp;

use crate::words;

/// A time in a filter: an instant, or how long ago. The second stays true in a bookmark.
///
/// ```
/// use longhaul_inspect::TimeBound;
/// use longhaul::Timestamp;
/// use std::time::Duration;
///
/// assert_eq!("90m".parse(), Ok(TimeBound::Ago(Duration::from_secs(5400))));
/// assert_eq!("1h30m".parse(), Ok(TimeBound::Ago(Duration::from_secs(5400))));
/// assert_eq!("2026-11-20T21:00".parse(), Ok(TimeBound::At("2026-11-20T21:00:00Z".parse::<Timestamp>()?)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a filter is one of these two")]
pub enum TimeBound {
    /// An instant.
    At(Timestamp),
    /// So long before now, in whole seconds.
    Ago(Duration),
}

/// From the largest, so that a duration is written with the largest unit that divides it.
const UNITS: [(char, u64); 4] = [('d', 86400), ('h', 3600), ('m', 60), ('s', 1)];
/// Nobody keeps runs for longer; a larger number is a slip.
const AGO_MAX: u64 = 100 * 366 * 86400;

impl TimeBound {
    /// The instant, now.
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => Timestamp::from_micros(now.as_micros().saturating_sub(ago.as_micros() as i64)),
        }
    }
}

impl FromStr for TimeBound {
    type Err = String;

    /// RFC 3339, what `<input type="datetime-local">` sends (read as UTC), or a number with `s`, `m`, `h` or `d`.
    fn from_str(text: &str) -> Result<Self, String> {
        let ago = UNITS.iter().find_map(|(unit, seconds)| {
            let number: u64 = text.strip_suffix(*unit)?.parse().ok()?;
            number.checked_mul(*seconds).filter(|seconds| *seconds <= AGO_MAX)
        });
        // `1h30m` as well; no time of a day ends so.
        let several = || words::read_duration(text).filter(|_| text.ends_with(|c: char| c.is_ascii_lowercase()));
        let ago = ago.or_else(|| several().map(|long| long.as_secs()).filter(|seconds| *seconds <= AGO_MAX));
        if let Some(seconds) = ago {
            return Ok(Self::Ago(Duration::from_secs(seconds)));
        }
        [text.to_owned(), format!("{text}Z"), format!("{text}:00Z"), format!("{text}T00:00:00Z")]
            .iter()
            .find_map(|text| text.parse().ok())
            .map(Self::At)
            .ok_or_else(|| format!("`{text}` is no time: write `2026-11-20T21:00`, or `2h` for two hours ago"))
    }
}

impl fmt::Display for TimeBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => at.fmt(f),
            Self::Ago(ago) => {
                let seconds = ago.as_secs();
                let divides = |(_, of): &&(char, u64)| seconds.is_multiple_of(*of);
                let (unit, of) = UNITS.iter().find(divides).expect("one second divides all");
                write!(f, "{}{unit}", seconds / of)
            }
        }
    }
}
