//! How exceptions are made and undone, and when they are dropped.

use super::{Exception, Exceptions};
use crate::{
    schedule::{CLOCK_CORRECTION, EXCEPTIONS_MAX, Mark, Timetable, timetable::just_before},
    time::Timestamp,
};

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
}
