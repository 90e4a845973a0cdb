//! Single instants of a schedule that are left out, or moved to another time.

mod change;

use serde::{Deserialize, Serialize};

pub use self::change::ExceptionError;
use super::EXCEPTIONS_MAX;
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
/// [`Timetable::with_exceptions`](super::Timetable::with_exceptions), so that all that asks for instants goes by them.
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
