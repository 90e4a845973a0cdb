//! A schedule that was checked, and its instants.

mod excepted;

#[cfg(feature = "cron")]
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use self::excepted::{DatesOff, Excepted};
#[cfg(feature = "cron")]
use super::cron::Cron;
use super::{
    DATES_MAX, Exceptions, LocalTime, Missed, PREVIEW_MAX, Schedule, ScheduleError, Timing, WAITING_MAX,
    interval::Interval, key,
};
use crate::time::Timestamp;

/// A schedule that was checked, and knows its instants. Made by [`Schedule::timetable`].
///
/// Its instants strictly increase. Asking for the next takes less than a microsecond for an interval and about two for
/// a cron pattern, whatever the time that passed.
///
/// ```
/// use longhaul_core::{Schedule, Timestamp};
/// use std::time::Duration;
///
/// let hourly = Schedule::every(Duration::from_secs(3600)).timetable()?;
/// let next = hourly.next(Timestamp::EPOCH).expect("it goes on for ever");
/// assert_eq!(next, Timestamp::EPOCH.after(Duration::from_secs(3600)));
/// # Ok::<(), longhaul_core::ScheduleError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Timetable {
    schedule: Schedule,
    instants: Instants,
    /// Dates on which it has none.
    dates_off: DatesOff,
    excepted: Excepted,
    /// See [`Mark::timing`].
    digest: u32,
}

#[derive(Clone, Debug)]
enum Instants {
    Every(Interval),
    Once(Timestamp),
    #[cfg(feature = "cron")]
    Cron(Arc<Cron>),
}

impl Timetable {
    pub(super) fn new(schedule: Schedule) -> Result<Self, ScheduleError> {
        if let Missed::All(max) = schedule.missed
            && !(1..=WAITING_MAX).contains(&max)
        {
            return Err(ScheduleError::MissedMax { max });
        }
        let instants = match &schedule.timing {
            Timing::Every(interval) => Instants::Every(Interval::new(*interval, schedule.starting)?),
            Timing::Once(_) if schedule.starting.is_some() => return Err(ScheduleError::StartingOfOnce),
            Timing::Once(_) if schedule.ending.is_some() || !schedule.except.is_empty() => {
                return Err(ScheduleError::ExceptOfOnce);
            }
            Timing::Once(at) => Instants::Once(*at),
            #[cfg(feature = "cron")]
            Timing::Cron { pattern, zone } => Instants::Cron(Arc::new(Cron::new(pattern, zone)?)),
            #[cfg(not(feature = "cron"))]
            Timing::Cron { pattern, .. } => {
                return Err(ScheduleError::CronDisabled { pattern: pattern.as_ref().into() });
            }
        };
        if schedule.except.len() > DATES_MAX {
            return Err(ScheduleError::TooManyDates { given: schedule.except.len() });
        }
        let zone = instants.zone();
        let dates_off = DatesOff::new(schedule.except.iter().filter_map(|date| date.on(&zone)).collect());
        let digest = digest(&schedule);
        let timetable = Self { schedule, instants, dates_off, excepted: Excepted::default(), digest };
        if let Some(ending) = timetable.schedule.ending
            && timetable.next(timetable.schedule.starting.map_or(BEGINNING, just_before)).is_none()
        {
            return Err(ScheduleError::NothingBefore { ending });
        }
        Ok(timetable)
    }

    /// Goes by these exceptions, in place of those before. One of an instant that it does not have is passed over.
    ///
    /// ```
    /// use longhaul_core::{Schedule, schedule::Exceptions};
    /// use std::time::Duration;
    ///
    /// let daily = Schedule::every(Duration::from_secs(86_400)).timetable()?;
    /// assert_eq!(daily.clone().with_exceptions(&Exceptions::default()).describe(), daily.describe());
    /// # Ok::<(), longhaul_core::ScheduleError>(())
    /// ```
    #[must_use]
    pub fn with_exceptions(mut self, exceptions: &Exceptions) -> Self {
        self.excepted = if exceptions.is_empty() { Excepted::default() } else { Excepted::of(&self, exceptions) };
        self
    }

    /// The schedule that this is the timetable of.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// The first instant after `after`; `None` when there is none any more.
    ///
    /// ```
    /// use longhaul_core::Schedule;
    /// use std::time::Duration;
    ///
    /// let hourly = Schedule::every(Duration::from_secs(3600)).timetable()?;
    /// assert_eq!(hourly.next("2026-11-20T21:00:00Z".parse()?), Some("2026-11-20T22:00:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let mut planned = self.next_planned(after);
        while let Some(gone) = planned.filter(|at| self.excepted.is_gone(*at)) {
            planned = self.next_planned(gone);
        }
        planned.into_iter().chain(self.excepted.next_moved(after)).min()
    }

    /// The next `n` instants after `after`, at most [`PREVIEW_MAX`], as the schedule's time zone shows them; those of
    /// an interval in UTC. One that was moved says from where.
    ///
    /// ```
    /// use longhaul_core::{Schedule, Timestamp};
    /// use std::time::Duration;
    ///
    /// let daily = Schedule::every(Duration::from_secs(86_400)).timetable()?;
    /// let shown: Vec<_> = daily.preview(Timestamp::EPOCH, 2).iter().map(|time| time.to_string()).collect();
    /// assert_eq!(shown, ["1970-01-02 00:00:00 +00:00", "1970-01-03 00:00:00 +00:00"]);
    /// # Ok::<(), longhaul_core::ScheduleError>(())
    /// ```
    pub fn preview(&self, after: Timestamp, n: usize) -> Vec<LocalTime> {
        std::iter::successors(self.next(after), |&instant| self.next(instant))
            .take(n.min(PREVIEW_MAX))
            .map(|at| self.local(at))
            .collect()
    }

    /// When it fires, in words.
    ///
    /// ```
    /// use longhaul_core::{Schedule, Timestamp};
    /// use std::time::Duration;
    ///
    /// let schedule = Schedule::every(Duration::from_secs(7200)).starting(Timestamp::EPOCH);
    /// assert_eq!(schedule.timetable()?.describe(), "every 2 hours, starting 1970-01-01T00:00:00Z");
    /// # Ok::<(), longhaul_core::ScheduleError>(())
    /// ```
    pub fn describe(&self) -> String {
        let words = match &self.instants {
            Instants::Every(interval) => interval.describe(),
            Instants::Once(at) => format!("once, at {at}"),
            #[cfg(feature = "cron")]
            Instants::Cron(cron) => cron.describe(),
        };
        let Schedule { starting, ending, except, .. } = &self.schedule;
        let starting = starting.map_or_else(String::new, |at| format!(", starting {at}"));
        let ending = ending.map_or_else(String::new, |at| format!(", ending {at}"));
        let except = match &**except {
            [] => String::new(),
            few if few.len() <= DATES_SHOWN => {
                format!(", except on {}", few.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            many => format!(", except on {} dates", many.len()),
        };
        format!("{words}{starting}{ending}{except}")
    }

    /// When the run of `instant` is due: the instant, or the time that it was moved to, and its jitter, before the next
    /// instant. The same for the same schedule name, on every server.
    ///
    /// ```
    /// use longhaul_core::{Schedule, Timestamp};
    /// use std::time::Duration;
    ///
    /// let day = Duration::from_secs(86_400);
    /// let punctual = Schedule::every(day).timetable()?;
    /// assert_eq!(punctual.due("backup", Timestamp::EPOCH), Timestamp::EPOCH);
    /// let spread = Schedule::every(day).jitter(day).timetable()?;
    /// assert_ne!(spread.due("backup", Timestamp::EPOCH), spread.due("cleanup", Timestamp::EPOCH));
    /// # Ok::<(), longhaul_core::ScheduleError>(())
    /// ```
    pub fn due(&self, name: &str, instant: Timestamp) -> Timestamp {
        let comes = self.excepted.moved_to(instant).unwrap_or(instant);
        let before_next = |next: Timestamp| next.since(comes).saturating_sub(Duration::from_micros(1));
        let room = self.next(comes).map_or(self.schedule.jitter, |next| self.schedule.jitter.min(before_next(next)));
        let room = u64::try_from(room.as_micros()).unwrap_or(u64::MAX);
        comes.after(Duration::from_micros(key::chance(name, instant, room)))
    }

    /// The instant that comes at `at`, as the schedule has it: another time than `at` if it was moved.
    pub(super) fn instant_at(&self, at: Timestamp) -> Timestamp {
        self.excepted.moved_from(at).unwrap_or(at)
    }

    /// Whether the schedule has an instant then, whatever the exceptions say.
    pub(super) fn is_planned(&self, at: Timestamp) -> bool {
        self.next_planned(just_before(at)) == Some(at)
    }

    pub(super) fn digest(&self) -> u32 {
        self.digest
    }

    /// The last instant in (`after`, `until`].
    pub(super) fn latest(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut planned = self.latest_planned(after, until);
        while let Some(gone) = planned.filter(|at| self.excepted.is_gone(*at)) {
            planned = self.latest_planned(after, just_before(gone));
        }
        planned.into_iter().chain(self.excepted.latest_moved(after, until)).max()
    }

    /// How many instants lie in (`after`, `until`]. Those of a pattern must be looked at one by one: `None` if they are more
    /// than [`COUNT_MAX`](super::COUNT_MAX).
    #[cfg_attr(
        not(feature = "cron"),
        expect(clippy::unnecessary_wraps, reason = "only a pattern can have more instants than are counted")
    )]
    pub(super) fn count(&self, after: Timestamp, until: Timestamp) -> Option<u64> {
        let planned = match &self.instants {
            Instants::Every(interval) => {
                let end = self.not_after_end(until);
                let off = self.dates_off.within(after, end).map(|(after, until)| interval.count(after, until));
                interval.count(after, end) - off.sum::<u64>()
            }
            Instants::Once(at) => u64::from(after < *at && *at <= until),
            #[cfg(feature = "cron")]
            Instants::Cron(_) => {
                let instants = std::iter::successors(self.next(after), |&instant| self.next(instant));
                let max = super::COUNT_MAX;
                let count = instants.take_while(|&instant| instant <= until).take(max as usize + 1).count() as u64;
                return (count <= max).then_some(count);
            }
        };
        Some(planned - self.excepted.count_gone(after, until) + self.excepted.count_moved(after, until))
    }

    /// The first instant after `after` that the schedule has, whatever the exceptions say.
    fn next_planned(&self, after: Timestamp) -> Option<Timestamp> {
        let mut from = after;
        loop {
            let next = match &self.instants {
                Instants::Every(interval) => interval.next(from),
                Instants::Once(at) => (from < *at).then_some(*at),
                #[cfg(feature = "cron")]
                Instants::Cron(cron) => cron.next(self.not_before_start(from)),
            }?;
            if next > self.not_after_end(next) {
                return None;
            }
            match self.dates_off.around(next) {
                Some((_, end)) => from = just_before(end),
                None => return Some(next),
            }
        }
    }

    /// The last instant in (`after`, `until`] that the schedule has, whatever the exceptions say.
    fn latest_planned(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut until = self.not_after_end(until);
        loop {
            let latest = match &self.instants {
                Instants::Every(interval) => interval.latest(after, until),
                Instants::Once(at) => (after < *at && *at <= until).then_some(*at),
                #[cfg(feature = "cron")]
                Instants::Cron(cron) => {
                    let after = self.not_before_start(after);
                    (after < until).then(|| super::search::latest(|from| cron.next(from), after, until)).flatten()
                }
            }?;
            match self.dates_off.around(latest) {
                Some((begin, _)) => until = just_before(begin),
                None => return Some(latest),
            }
        }
    }

    fn not_after_end(&self, at: Timestamp) -> Timestamp {
        self.schedule.ending.map_or(at, |ending| at.min(ending))
    }

    #[cfg(feature = "cron")]
    fn not_before_start(&self, after: Timestamp) -> Timestamp {
        self.schedule.starting.map_or(after, |first| after.max(just_before(first)))
    }

    fn local(&self, at: Timestamp) -> LocalTime {
        let offset_seconds = match &self.instants {
            Instants::Every(_) | Instants::Once(_) => 0,
            #[cfg(feature = "cron")]
            Instants::Cron(cron) => cron.offset_seconds(at),
        };
        LocalTime { at, offset_seconds, moved_from: self.excepted.moved_from(at) }
    }
}

impl Instants {
    /// The zone that its dates are those of.
    fn zone(&self) -> TimeZone {
        match self {
            Self::Every(_) | Self::Once(_) => TimeZone::UTC,
            #[cfg(feature = "cron")]
            Self::Cron(cron) => cron.zone(),
        }
    }
}

/// Before every instant that there is.
const BEGINNING: Timestamp = Timestamp::from_micros(-1);
/// Dates that a description names; more are counted.
const DATES_SHOWN: usize = 3;

/// The one microsecond before `at`: what comes after it begins with `at`.
pub(super) fn just_before(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_sub(1))
}

/// A digest of all that decides which instants a schedule has. Frozen: it stands in stored marks.
fn digest(schedule: &Schedule) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    match &schedule.timing {
        Timing::Every(interval) => {
            hash.update(b"every");
            hash.update(&(interval.as_micros() as u64).to_be_bytes());
        }
        Timing::Once(at) => {
            hash.update(b"once");
            hash.update(&at.as_micros().to_be_bytes());
        }
        Timing::Cron { pattern, zone } => {
            for part in ["cron", pattern, "\0", zone] {
                hash.update(part.as_bytes());
            }
        }
    }
    if let Some(starting) = schedule.starting {
        hash.update(b"starting");
        hash.update(&starting.as_micros().to_be_bytes());
    }
    if let Some(ending) = schedule.ending {
        hash.update(b"ending");
        hash.update(&ending.as_micros().to_be_bytes());
    }
    for date in &schedule.except {
        hash.update(b"except");
        hash.update(date.to_string().as_bytes());
    }
    hash.finalize()
}
