//! An instant as a wall clock shows it.

use std::fmt;

use crate::time::Timestamp;

/// An instant, and how far the clocks of the schedule's zone are ahead of UTC then. Shown as
/// `2026-03-29 03:00:00 +02:00`.
///
/// ```
/// # #[cfg(feature = "cron")]
/// # {
/// use longhaul_core::{Schedule, Timestamp};
///
/// let nightly = Schedule::cron("0 2 * * *", "Europe/Berlin").timetable()?;
/// let first = nightly.preview("2026-07-01T12:00:00Z".parse()?, 1)[0];
/// assert_eq!(first.to_string(), "2026-07-02 02:00:00 +02:00");
/// assert_eq!(first.offset_seconds, 7200);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LocalTime {
    /// The instant.
    pub at: Timestamp,
    /// Seconds that the wall clock is ahead of UTC; negative where it is behind.
    pub offset_seconds: i32,
    /// It was moved: the schedule has it at this time.
    pub moved_from: Option<Timestamp>,
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_micros().div_euclid(1_000_000);
        let Ok(wall) = jiff::Timestamp::from_second(seconds.saturating_add(self.offset_seconds.into())) else {
            return fmt::Display::fmt(&self.at, f);
        };
        let (sign, offset) = (if self.offset_seconds < 0 { '-' } else { '+' }, self.offset_seconds.unsigned_abs());
        write!(f, "{} {sign}{:02}:{:02}", wall.strftime("%Y-%m-%d %H:%M:%S"), offset / 3600, offset / 60 % 60)
    }
}
