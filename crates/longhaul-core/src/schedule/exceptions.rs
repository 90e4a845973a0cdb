//! Single instants of a schedule that are left out, or moved to another time.

use serde::{Deserialize, Serialize};

use super::{CLOCK_CORRECTION, EXCEPTIONS_MAX, Mark, Timetable, timetable::just_before};
use crate::{
    limits::{REASON_MAX, cut},
    time::Timestamp,
};

/// One instant that is left out, or moved.
///
/// ```
/// use longhaul_core::{Timestamp, schedule::Exception};
///
/// let left_out = Exception::new(Timestamp::EPOCH, None, "ann", Some("the day of the audit"));
/// assert_eq!((left_out.to, &*left_out.by), (None, "ann"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Exception {
    /// The instant, as the schedule has it. The id of its run comes from this one, wherever it is moved to: an instant
    /// gets one run.
    pub instant: Timestamp,
    /// It comes then; `None`: it is left out.
    pub to: Option<Timestamp>,
    /// Who said so.
    pub by: Box<str>,
    /// Why, if that was said.
    pub why: Option<Box<str>>,
}

impl Exception {
    /// Both texts are cut to 256 bytes.
    pub fn new(instant: Timestamp, to: Option<Timestamp>, by: &str, why: Option<&str>) -> Self {
        let why = why.map(|why| cut(why, REASON_MAX).into());
        Self { instant, to, by: cut(by, REASON_MAX).into(), why }
    }

    /// The later of its two times.
    fn last(&self) -> Timestamp {
        self.to.map_or(self.instant, |to| to.max(self.instant))
    }
}

/// The exceptions of one schedule, by instant; at most [`EXCEPTIONS_MAX`]. They are kept with the schedule and handed to
/// [`Timetable::with_exceptions`], so that all that asks for instants goes by them.
///
/// ```
/// use longhaul_core::{Schedule, schedule::{Exception, Exceptions}};
/// use std::time::Duration;
///
/// let daily = Schedule::every(Duration::from_secs(86_400)).timetable()?;
/// let mark = daily.begin("2026-12-23T12:00:00Z".parse()?);
/// let mut exceptions = Exceptions::default();
/// let now = "2026-12-23T12:00:00Z".parse()?;
/// exceptions.put(&daily, &mark, now, Exception::new("2026-12-24T00:00:00Z".parse()?, None, "ann", None))?;
/// let daily = daily.with_exceptions(&exceptions);
/// assert_eq!(mark.next(&daily), Some("2026-12-25T00:00:00Z".parse()?));
///
/// let noon = Exception::new("2026-12-26T12:00:00Z".parse()?, None, "ann", None);
/// assert_eq!(
///     exceptions.put(&daily, &mark, now, noon).unwrap_err().to_string(),
///     "2026-12-26T12:00:00Z is no instant of it: those next to it are 2026-12-26T00:00:00Z and 2026-12-27T00:00:00Z"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Exception>", into = "Vec<Exception>")]
pub struct Exceptions(Vec<Exception>);

/// Why an instant was not left out, moved or put back. Nothing was changed.
///
/// ```
/// use longhaul_core::{Timestamp, schedule::ExceptionError};
///
/// let error = ExceptionError::None { at: Timestamp::EPOCH };
/// assert_eq!(error.to_string(), "1970-01-01T00:00:00Z is neither left out nor moved");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExceptionError {
    /// The schedule has no instant then.
    #[error("{at} is no instant of it: {}", neighbours(*before, *after))]
    NoInstant {
        /// What was given.
        at: Timestamp,
        /// The last instant before it.
        before: Option<Timestamp>,
        /// The first instant after it.
        after: Option<Timestamp>,
    },
    /// Its run is there, or it was passed over.
    #[error("the instant {at} was handled already: {}", next_is(*next))]
    Handled {
        /// Which.
        at: Timestamp,
        /// The next one.
        next: Option<Timestamp>,
    },
    /// An instant is to be moved into the past.
    #[error("it cannot be moved to {to}, which is past: to run now, trigger the schedule and leave the instant out")]
    Past {
        /// Where it was to go.
        to: Timestamp,
    },
    /// There is another instant at that time.
    #[error("another instant comes at {at}: choose another time")]
    Taken {
        /// That time.
        at: Timestamp,
    },
    /// There is nothing to undo.
    #[error("{at} is neither left out nor moved")]
    None {
        /// What was given.
        at: Timestamp,
    },
    /// There are as many exceptions as may be.
    #[error(
        "{EXCEPTIONS_MAX} instants are left out or moved, and no more may: undo one, leave out whole dates with \
         `Schedule::except`, or pause the schedule. Each is dropped by itself three hours after it is past"
    )]
    TooMany,
}

fn neighbours(before: Option<Timestamp>, after: Option<Timestamp>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("those next to it are {before} and {after}"),
        (Some(last), None) => format!("the last one is {last}"),
        (None, Some(first)) => format!("the first one is {first}"),
        (None, None) => "it has none".into(),
    }
}

fn next_is(next: Option<Timestamp>) -> String {
    next.map_or_else(|| "no other one follows".into(), |next| format!("the next one is {next}"))
}

impl Exceptions {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each, by instant.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Exception> {
        self.0.iter()
    }

    /// The exception of an instant, which is named as the schedule has it, or by the time that it was moved to.
    pub fn get(&self, at: Timestamp) -> Option<&Exception> {
        self.0.iter().find(|exception| exception.to == Some(at)).or_else(|| self.of(at))
    }

    /// Leaves an instant out, or moves it, in place of what was said of it before. An instant that was moved is named
    /// by either of its times. `timetable` is that of the schedule; `mark` says what was handled. Moving an instant to
    /// its own time takes back what was said of it.
    ///
    /// # Errors
    /// When there is no such instant, when it was handled, when there is another one at the new time, or when there are
    /// too many exceptions.
    pub fn put(
        &mut self,
        timetable: &Timetable,
        mark: &Mark,
        now: Timestamp,
        exception: Exception,
    ) -> Result<(), ExceptionError> {
        let there = timetable.clone().with_exceptions(self);
        let named = exception.instant;
        let instant = match self.get(named) {
            Some(exception) => exception.instant,
            None if timetable.is_planned(named) => named,
            None => {
                let before = there.latest(Timestamp::EPOCH, just_before(named));
                return Err(ExceptionError::NoInstant { at: named, before, after: there.next(named) });
            }
        };
        self.not_handled(&there, mark, instant)?;
        let others = self.without(instant);
        let exception = Exception { instant, ..exception };
        if let Some(to) = exception.to.filter(|to| *to != instant) {
            if to <= mark.until.max(now) {
                return Err(ExceptionError::Past { to });
            }
            let rest = timetable.clone().with_exceptions(&others);
            if rest.next(just_before(to)) == Some(to) {
                return Err(ExceptionError::Taken { at: to });
            }
        }
        if exception.to == Some(instant) {
            return if self.of(instant).is_some() { self.remove(timetable, mark, instant) } else { Ok(()) };
        }
        if others.0.len() >= EXCEPTIONS_MAX {
            return Err(ExceptionError::TooMany);
        }
        let at = others.0.partition_point(|there| there.instant < instant);
        *self = others;
        self.0.insert(at, exception);
        Ok(())
    }

    /// An instant comes again when the schedule has it. It is named by either of its times.
    ///
    /// # Errors
    /// When nothing was said of it, when it was handled, or when another one was moved to its time.
    pub fn remove(&mut self, timetable: &Timetable, mark: &Mark, at: Timestamp) -> Result<(), ExceptionError> {
        let instant = self.get(at).ok_or(ExceptionError::None { at })?.instant;
        let there = timetable.clone().with_exceptions(self);
        self.not_handled(&there, mark, instant)?;
        if instant <= mark.until {
            return Err(ExceptionError::Handled { at: instant, next: mark.next(&there) });
        }
        if self.0.iter().any(|there| there.to == Some(instant)) {
            return Err(ExceptionError::Taken { at: instant });
        }
        *self = self.without(instant);
        Ok(())
    }

    /// Drops those that are past: three hours ([`CLOCK_CORRECTION`]) before what was handled, as no clock goes back
    /// further without the schedule beginning anew.
    pub fn forget_past(&mut self, mark: &Mark) {
        self.0.retain(|exception| mark.until.since(exception.last()) < CLOCK_CORRECTION);
    }

    /// Drops those of instants that this timetable does not have: its timing is another one than before.
    pub fn forget_unplanned(&mut self, timetable: &Timetable) {
        self.0.retain(|exception| timetable.is_planned(exception.instant));
    }

    /// Whether its run may be there.
    fn not_handled(&self, there: &Timetable, mark: &Mark, instant: Timestamp) -> Result<(), ExceptionError> {
        let comes = self.of(instant).and_then(|exception| exception.to).unwrap_or(instant);
        if comes > mark.until { Ok(()) } else { Err(ExceptionError::Handled { at: comes, next: mark.next(there) }) }
    }

    /// What is said of an instant, which is named as the schedule has it.
    fn of(&self, instant: Timestamp) -> Option<&Exception> {
        self.0.iter().find(|exception| exception.instant == instant)
    }

    fn without(&self, instant: Timestamp) -> Self {
        Self(self.0.iter().filter(|there| there.instant != instant).cloned().collect())
    }
}

impl From<Vec<Exception>> for Exceptions {
    /// The first of each instant, and no more than may be.
    fn from(mut exceptions: Vec<Exception>) -> Self {
        exceptions.sort_by_key(|exception| exception.instant);
        exceptions.dedup_by_key(|exception| exception.instant);
        exceptions.truncate(EXCEPTIONS_MAX);
        Self(exceptions)
    }
}

impl From<Exceptions> for Vec<Exception> {
    fn from(exceptions: Exceptions) -> Self {
        exceptions.0
    }
}

/// The exceptions that a timetable goes by.
#[derive(Clone, Debug, Default)]
pub(super) struct Excepted {
    /// Instants that do not come when the schedule has them, in order.
    gone: Vec<Timestamp>,
    /// When others come instead, and which, in order.
    moved: Vec<(Timestamp, Timestamp)>,
}

impl Excepted {
    /// Those whose instant the timetable has. One that was moved onto another instant is left out: two would be one.
    pub(super) fn of(timetable: &Timetable, exceptions: &Exceptions) -> Self {
        let planned = || exceptions.0.iter().filter(|exception| timetable.is_planned(exception.instant));
        let mut excepted = Self { gone: planned().map(|exception| exception.instant).collect(), moved: Vec::new() };
        let comes = |at: Timestamp| timetable.is_planned(at) && !excepted.is_gone(at);
        let mut moved: Vec<_> = planned()
            .filter_map(|exception| Some((exception.to?, exception.instant)))
            .filter(|(to, _)| !comes(*to))
            .collect();
        moved.sort_unstable();
        moved.dedup_by_key(|(to, _)| *to);
        excepted.moved = moved;
        excepted
    }

    pub(super) fn is_gone(&self, at: Timestamp) -> bool {
        self.gone.binary_search(&at).is_ok()
    }

    /// How many do not come in (`after`, `until`] though the schedule has them then.
    pub(super) fn count_gone(&self, after: Timestamp, until: Timestamp) -> u64 {
        self.gone.iter().filter(|at| after < **at && **at <= until).count() as u64
    }

    /// How many come in (`after`, `until`] that were moved.
    pub(super) fn count_moved(&self, after: Timestamp, until: Timestamp) -> u64 {
        self.moved.iter().filter(|(to, _)| after < *to && *to <= until).count() as u64
    }

    pub(super) fn next_moved(&self, after: Timestamp) -> Option<Timestamp> {
        self.moved.iter().map(|(to, _)| *to).find(|to| *to > after)
    }

    pub(super) fn latest_moved(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        self.moved.iter().rev().map(|(to, _)| *to).find(|to| *to <= until).filter(|to| *to > after)
    }

    /// The instant that comes at `to` because it was moved.
    pub(super) fn moved_from(&self, to: Timestamp) -> Option<Timestamp> {
        self.moved.iter().find(|(at, _)| *at == to).map(|(_, instant)| *instant)
    }

    pub(super) fn moved_to(&self, instant: Timestamp) -> Option<Timestamp> {
        self.moved.iter().find(|(_, from)| *from == instant).map(|(to, _)| *to)
    }
}

/// Dates that a schedule leaves out, as spans of time: from the first instant of a day to before that of the next.
#[derive(Clone, Debug, Default)]
pub(super) struct DatesOff(Vec<(Timestamp, Timestamp)>);

impl DatesOff {
    /// Days that follow one another are one span.
    pub(super) fn new(mut days: Vec<(Timestamp, Timestamp)>) -> Self {
        days.sort_unstable();
        let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
        for (begin, end) in days {
            match spans.last_mut() {
                Some((_, last)) if begin <= *last => *last = end.max(*last),
                _ => spans.push((begin, end)),
            }
        }
        Self(spans)
    }

    /// The span that holds an instant.
    pub(super) fn around(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let (begin, end) = *self.0[..self.0.partition_point(|(begin, _)| *begin <= at)].last()?;
        (at < end).then_some((begin, end))
    }

    /// The parts of the spans that lie in (`after`, `until`], in the same form.
    pub(super) fn within(&self, after: Timestamp, until: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let cut =
            move |(begin, end): &(Timestamp, Timestamp)| (after.max(just_before(*begin)), until.min(just_before(*end)));
        self.0.iter().map(cut).filter(|(after, until)| after < until)
    }
}
