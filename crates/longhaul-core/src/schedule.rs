//! Schedules: which instants one has, and what is to be done at `now`. Time is an argument here; nothing reads a clock.
//!
//! A [`Schedule`] is what people write and what is stored. A [`Timetable`] is a schedule that was checked, and knows
//! its instants. [`plan`](plan()) says which of them are to be enqueued now.
//!
//! ```
//! use longhaul_core::{Missed, Schedule, Timestamp};
//! use std::time::Duration;
//!
//! let schedule = Schedule::every(Duration::from_secs(900)).missed(Missed::Skip);
//! let timetable = schedule.timetable()?;
//! let at: Timestamp = "2026-11-20T21:05:00Z".parse()?;
//! assert_eq!(timetable.next(at), Some("2026-11-20T21:15:00Z".parse()?));
//! assert_eq!(timetable.describe(), "every 15 minutes");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "cron")]
mod cron;
mod date;
mod error;
mod exceptions;
mod interval;
mod key;
mod local_time;
mod mark;
mod plan;
mod policy;
#[cfg(feature = "cron")]
mod search;
mod stored;
mod timetable;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use date::{Date, DateError};
pub use error::{CronField, ScheduleError};
pub use exceptions::{Exception, ExceptionError, Exceptions};
pub use key::run_id;
pub use local_time::LocalTime;
pub use mark::{Mark, Open};
pub use plan::{Firing, InstantCount, LeftOut, Plan, Remark, Situation, plan};
pub use policy::{Missed, Overlap};
pub use timetable::Timetable;

use crate::time::Timestamp;

/// The shortest interval: every instant is a run that is stored, so what beats faster belongs into a loop of the
/// program's own.
pub const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// The longest interval, ten years: longer ones are a mistake of units.
pub const INTERVAL_MAX: Duration = Duration::from_secs(3660 * 24 * 60 * 60);
/// A cron pattern, bytes: it stands on a page and in a message; the longest sensible ones are about 100.
pub const PATTERN_MAX: usize = 256;
/// Instants in one preview: what fits a page.
pub const PREVIEW_MAX: usize = 100;
/// Dates that one schedule leaves out: the holidays of some thirty years.
pub const DATES_MAX: usize = 400;
/// Instants of one schedule that are left out or moved at a time. They stand in its row, of which there is one in 64 KiB.
pub const EXCEPTIONS_MAX: usize = 64;
/// How late the newest instant may be noticed without being missed: a stall, a slow store, a quick restart.
pub const ON_TIME: Duration = Duration::from_secs(60);
/// The runs of one schedule that may wait at a time, whatever its policies: a server or a queue that stands still for
/// long must not find itself with a million of them.
pub const WAITING_MAX: u32 = 1000;
/// How far missed instants of a cron pattern are counted: counting costs about 2 µs each, and a thousand schedules may
/// have been away for as long.
pub const COUNT_MAX: u64 = 1000;
/// From this size on, a clock that goes back was wrong before, and what it said is not waited for; and a gap in the
/// wall clock is a date that was left out, not an hour that was skipped. Three hours, as in cron(8) of Debian.
pub const CLOCK_CORRECTION: Duration = Duration::from_secs(3 * 60 * 60);

/// When runs are due again and again, and what happens if one is missed or the one before is not finished.
///
/// This is a plain value: it can be compared, stored and read by every program. Whether it makes sense is found out by
/// [`timetable`](Self::timetable), which everything that takes a schedule calls first.
///
/// Serde writes a frozen form with its version, as in `{"v1":{"timing":{"every":{"micros":900000000}}, …}}`; what this
/// version writes, every later one reads. A program without the feature `cron` reads and writes cron schedules too, and
/// only refuses to make a timetable of them.
///
/// ```
/// use longhaul_core::Schedule;
/// use std::time::Duration;
///
/// let often = Schedule::every(Duration::from_secs(900)).jitter(Duration::from_secs(60));
/// assert!(often.timetable().is_ok());
/// assert!(Schedule::every(Duration::ZERO).timetable().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "stored::Stored", from = "stored::Stored")]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Schedule {
    /// Which instants.
    pub timing: Timing,
    /// No instant before this one. For an interval it is also the first instant.
    pub starting: Option<Timestamp>,
    /// The longest time by which chance delays a run.
    pub jitter: Duration,
    /// What happens to instants that went by unseen.
    pub missed: Missed,
    /// What happens when the run before is not finished.
    pub overlap: Overlap,
    /// No instant after this one.
    pub ending: Option<Timestamp>,
    /// No instant on these dates, in order and each once; at most [`DATES_MAX`].
    pub except: Vec<Date>,
}

/// What a schedule's instants follow from.
///
/// ```
/// use longhaul_core::schedule::{Schedule, Timing};
/// use std::time::Duration;
///
/// assert_eq!(Schedule::every(Duration::from_secs(900)).timing, Timing::Every(Duration::from_secs(900)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Timing {
    /// One instant an interval. Elapsed time: clock changes do not matter.
    Every(Duration),
    /// One instant, ever.
    Once(Timestamp),
    /// A cron pattern on the wall clock of a time zone.
    Cron {
        /// Five fields (minute, hour, day of month, month, day of week), or six with the second in front.
        pattern: Box<str>,
        /// An IANA name, as in `Europe/Berlin`.
        zone: Box<str>,
    },
}

impl Schedule {
    fn new(timing: Timing) -> Self {
        let (missed, overlap) = (Missed::default(), Overlap::default());
        Self { timing, starting: None, jitter: Duration::ZERO, missed, overlap, ending: None, except: Vec::new() }
    }

    /// At each multiple of `interval` since 1970-01-01 UTC, or since [`starting`](Self::starting): every hour is every
    /// full hour, and a restart moves nothing. From 1 s to ten years; what is finer than a microsecond is cut.
    ///
    /// ```
    /// use longhaul_core::Schedule;
    /// use std::time::Duration;
    ///
    /// let hourly = Schedule::every(Duration::from_secs(3600)).timetable()?;
    /// assert_eq!(hourly.next("2026-11-20T21:05:00Z".parse()?), Some("2026-11-20T22:00:00Z".parse()?));
    /// let error = Schedule::every(Duration::ZERO).timetable().unwrap_err();
    /// assert_eq!(error.to_string(), "the interval is 0s: give at least 1s and at most 316224000s (ten years)");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn every(interval: Duration) -> Self {
        Self::new(Timing::Every(cut_to_micros(interval)))
    }

    /// One run, at `at`. If that is past when the schedule is first looked at, it was missed.
    ///
    /// ```
    /// use longhaul_core::{Schedule, Timestamp};
    ///
    /// let at: Timestamp = "2026-12-24T18:00:00Z".parse()?;
    /// let timetable = Schedule::once(at).timetable()?;
    /// assert_eq!(timetable.next(Timestamp::EPOCH), Some(at));
    /// assert_eq!(timetable.next(at), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn once(at: Timestamp) -> Self {
        Self::new(Timing::Once(at))
    }

    /// By a cron pattern on the wall clock of `zone`, an IANA name. Five fields as in crontab(5), with lists, ranges,
    /// steps and English names of months and days; six with the second in front; `L`, `LW`, `15W` as day of month,
    /// `5L` and `1#2` as day of week; `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    ///
    /// **When the clock changes.** A pattern whose hour is not `*` names times of the day. Each is kept once: a time
    /// that is skipped runs at the first instant after the gap, a time that comes twice runs the first time. A pattern
    /// that names every hour is an interval, and goes on as time passes: it runs in both hours of the same name, and
    /// the distance between two runs is never longer than on other days.
    ///
    /// ```
    /// use longhaul_core::{Schedule, schedule::CronField, schedule::ScheduleError};
    ///
    /// let nightly = Schedule::cron("0 2 * * *", "Europe/Berlin").timetable()?;
    /// assert_eq!(nightly.describe(), "every day at 02:00, Europe/Berlin");
    /// let shown: Vec<_> = nightly.preview("2026-03-28T12:00:00Z".parse()?, 2).iter().map(|t| t.to_string()).collect();
    /// assert_eq!(shown, ["2026-03-29 03:00:00 +02:00", "2026-03-30 02:00:00 +02:00"]); // 02:00 was skipped
    ///
    /// let error = Schedule::cron("61 2 * * *", "Europe/Berlin").timetable().unwrap_err();
    /// assert!(matches!(error, ScheduleError::Field { field: CronField::Minute, .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "cron")]
    pub fn cron(pattern: &str, zone: &str) -> Self {
        Self::new(Timing::Cron { pattern: pattern.into(), zone: zone.into() })
    }

    /// No instant before `at`; for an interval, `at` is the first, and the others are counted from it.
    ///
    /// Write a fixed time here. A schedule whose first instant is another one at each start of the program is another
    /// schedule each time, and begins anew.
    ///
    /// ```
    /// use longhaul_core::{Schedule, Timestamp};
    /// use std::time::Duration;
    ///
    /// let first: Timestamp = "2026-11-20T21:05:00Z".parse()?;
    /// let hourly = Schedule::every(Duration::from_secs(3600)).starting(first).timetable()?;
    /// assert_eq!(hourly.next(Timestamp::EPOCH), Some(first));
    /// assert_eq!(hourly.next(first), Some("2026-11-20T22:05:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn starting(mut self, at: Timestamp) -> Self {
        self.starting = Some(at);
        self
    }

    /// No instant after `at`. An instant at `at` itself counts.
    ///
    /// ```
    /// use longhaul_core::{Schedule, Timestamp};
    /// use std::time::Duration;
    ///
    /// let hourly = Schedule::every(Duration::from_secs(3600)).ending("2026-12-31T23:00:00Z".parse()?).timetable()?;
    /// assert_eq!(hourly.next("2026-12-31T22:30:00Z".parse()?), Some("2026-12-31T23:00:00Z".parse()?));
    /// assert_eq!(hourly.next("2026-12-31T23:00:00Z".parse()?), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn ending(mut self, at: Timestamp) -> Self {
        self.ending = Some(at);
        self
    }

    /// Only from `first` to `last`, both included: [`starting`](Self::starting) and [`ending`](Self::ending).
    ///
    /// ```
    /// use longhaul_core::Schedule;
    /// use std::time::Duration;
    ///
    /// let (first, last) = ("2026-06-01T00:00:00Z".parse()?, "2026-08-31T23:59:59Z".parse()?);
    /// let in_summer = Schedule::every(Duration::from_secs(86_400)).between(first, last).timetable()?;
    /// assert_eq!(in_summer.next("2026-01-01T00:00:00Z".parse()?), Some(first));
    /// assert_eq!(in_summer.next("2026-08-31T00:00:00Z".parse()?), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn between(self, first: Timestamp, last: Timestamp) -> Self {
        self.starting(first).ending(last)
    }

    /// No instant on these dates, besides those that were left out before: holidays. They are dates of the schedule's own
    /// zone; those of an interval are dates in UTC. At most [`DATES_MAX`]; a date twice is one.
    ///
    /// Other dates are another timing, with which the schedule begins anew, as with another pattern.
    ///
    /// ```
    /// # #[cfg(feature = "cron")]
    /// # {
    /// use longhaul_core::{Date, Schedule};
    ///
    /// let christmas = [Date::new(2026, 12, 25)?, Date::new(2026, 12, 26)?];
    /// let nightly = Schedule::cron("0 2 * * *", "Europe/Berlin").except(christmas).timetable()?;
    /// let shown: Vec<_> = nightly.preview("2026-12-23T12:00:00Z".parse()?, 2).iter().map(|t| t.to_string()).collect();
    /// assert_eq!(shown, ["2026-12-24 02:00:00 +01:00", "2026-12-27 02:00:00 +01:00"]);
    /// assert_eq!(nightly.describe(), "every day at 02:00, Europe/Berlin, except on 2026-12-25, 2026-12-26");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn except(mut self, dates: impl IntoIterator<Item = Date>) -> Self {
        self.except.extend(dates);
        self.except.sort_unstable();
        self.except.dedup();
        self
    }

    /// Each run is due up to `jitter` after its instant, by a chance that follows from the schedule's name and the
    /// instant, and always before the next instant. What is finer than a microsecond is cut.
    ///
    /// ```
    /// use longhaul_core::{Schedule, Timestamp};
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let timetable = Schedule::every(60 * minute).jitter(minute).timetable()?;
    /// let due = timetable.due("cleanup", Timestamp::EPOCH);
    /// assert!(due.since(Timestamp::EPOCH) <= minute);
    /// assert_eq!(due, timetable.due("cleanup", Timestamp::EPOCH));
    /// # Ok::<(), longhaul_core::ScheduleError>(())
    /// ```
    #[must_use]
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = cut_to_micros(jitter);
        self
    }

    /// What happens to instants that went by unseen. [`Missed::Once`] unless said otherwise.
    #[must_use]
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// What happens when the run before is not finished. [`Overlap::Skip`] unless said otherwise.
    #[must_use]
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = overlap;
        self
    }

    /// Checks the schedule, and finds out its instants. The zone of a cron schedule is looked up in the system's time
    /// zone database, and where that is missing or does not know it, in the one that was compiled in.
    ///
    /// About 17 µs for a cron schedule, whose timetable takes about 6 KB; keep it where it is asked often. The first
    /// time that a zone is asked for, this reads the system's files; nothing else in this module does I/O.
    pub fn timetable(&self) -> Result<Timetable, ScheduleError> {
        Timetable::new(self.clone())
    }
}

/// The stored form keeps microseconds; a value must not change by being stored.
fn cut_to_micros(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
