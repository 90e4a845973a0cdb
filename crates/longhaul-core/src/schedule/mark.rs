//! How far a schedule was handled: what was decided on, and what was not, though the clock has shown a later time.
//!
//! As long as a clock goes forward, one time says it all: every instant up to it was decided on. A clock that was ahead
//! for a moment leaves instants behind that got no run, as they seemed to be missed, or to lie before the schedule began.
//! Those are remembered as spans for a while, so that the schedule goes on from now when the clock is right again,
//! without repeating an instant that got its run.

use serde::{Deserialize, Serialize};

use super::{CLOCK_CORRECTION, ON_TIME, Timetable, Timing, timetable::just_before};
use crate::time::Timestamp;

/// How far a schedule was handled, and by which timing. Stored with the schedule, in the same transaction as the runs
/// that were enqueued, and handed to the next [`plan`](super::plan()). [`Timetable::begin`] makes the first.
///
/// ```
/// use longhaul_core::{Schedule, schedule::Mark};
/// use std::time::Duration;
///
/// let hourly = Schedule::every(Duration::from_secs(3600)).timetable()?;
/// let Mark { until, .. } = hourly.begin("2026-11-20T21:05:00Z".parse()?);
/// assert_eq!(until.to_string(), "2026-11-20T21:04:59.999999Z"); // what is due at 21:05 is not handled yet
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Mark {
    /// Every instant up to this time was decided on, but for those that are [`open`](Self::open).
    pub until: Timestamp,
    /// A digest of the timing that it was decided by: with another one, the schedule begins anew.
    pub timing: u32,
    /// Instants up to `until` that got no run as nobody looked in time. They get one only if the clock goes back, and
    /// comes by them again.
    #[serde(default, skip_serializing_if = "Open::is_empty")]
    pub open: Open,
    /// The clock was ahead, and shows a time before `until`: open instants after this one get their runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Timestamp>,
}

/// A few spans of time, the oldest first. See [`Mark::open`].
///
/// ```
/// use longhaul_core::schedule::Open;
///
/// assert!(Open::default().is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Span>", into = "Vec<Span>")]
pub struct Open([Option<Span>; SPANS_MAX]);

/// Spans that are remembered: a clock that is set forward and back again and again in three hours loses the oldest, and
/// what was in it stays without runs.
const SPANS_MAX: usize = 4;

/// The times after `after`, up to `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Span {
    pub(super) after: Timestamp,
    pub(super) until: Timestamp,
}

impl Span {
    pub(super) fn new(after: Timestamp, until: Timestamp) -> Option<Self> {
        (after < until).then_some(Self { after, until })
    }

    /// What of it lies after `after`.
    pub(super) fn beyond(self, after: Timestamp) -> Option<Self> {
        Self::new(self.after.max(after), self.until)
    }

    /// What of it lies up to `until`.
    pub(super) fn up_to(self, until: Timestamp) -> Option<Self> {
        Self::new(self.after, self.until.min(until))
    }
}

impl Open {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    fn spans(&self) -> impl Iterator<Item = Span> {
        self.0.iter().flatten().copied()
    }
}

impl From<Vec<Span>> for Open {
    /// The newest of them.
    fn from(mut spans: Vec<Span>) -> Self {
        spans.sort_unstable_by_key(|span| span.after);
        let newest = spans.into_iter().rev().take(SPANS_MAX).collect::<Vec<_>>().into_iter().rev();
        let mut open = Self::default();
        for (place, span) in open.0.iter_mut().zip(newest) {
            *place = Some(span);
        }
        open
    }
}

impl From<Open> for Vec<Span> {
    fn from(open: Open) -> Self {
        open.spans().collect()
    }
}

impl Mark {
    /// Nothing up to `until` was decided on, but nothing of it is wanted either.
    pub(super) fn begun(until: Timestamp, timing: u32) -> Self {
        let before = until.as_micros().saturating_sub(CLOCK_CORRECTION.as_micros() as i64);
        let open = Vec::from_iter(Span::new(Timestamp::from_micros(before), until)).into();
        Self { until, timing, open, behind: None }
    }

    /// The first instant that gets a run when it comes; `None`: there is none any more.
    ///
    /// ```
    /// use longhaul_core::Schedule;
    /// use std::time::Duration;
    ///
    /// let hourly = Schedule::every(Duration::from_secs(3600)).timetable()?;
    /// let mark = hourly.begin("2026-11-20T21:05:00Z".parse()?);
    /// assert_eq!(mark.next(&hourly), Some("2026-11-20T22:00:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next(&self, timetable: &Timetable) -> Option<Timestamp> {
        let open = self.behind.and_then(|behind| self.first_open(timetable, behind));
        open.or_else(|| timetable.next(self.until))
    }

    /// The first open instant after `after`.
    fn first_open(&self, timetable: &Timetable, after: Timestamp) -> Option<Timestamp> {
        let mut open = self.open.spans().filter_map(|span| span.beyond(after));
        open.find_map(|span| timetable.next(span.after).filter(|next| *next <= span.until))
    }

    /// The mark to go on from when the clock shows `now`, which is before `until`. `None`: there is nothing to go on with
    /// until the clock has caught up.
    pub(super) fn set_back(self, timetable: &Timetable, now: Timestamp) -> Option<Self> {
        let behind = self.behind.map_or(just_before(now), |behind| behind.min(just_before(now)));
        self.first_open(timetable, behind).map(|_| Self { behind: Some(behind), ..self })
    }

    /// Up to `now`, what was not decided on and is to be; the oldest first.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Span> {
        let behind = self.behind.into_iter();
        let open = behind.flat_map(|behind| self.open.spans().filter_map(move |span| span.beyond(behind)));
        open.chain(Span::new(self.until, now)).filter_map(|span| span.up_to(now)).collect()
    }

    /// All up to `now` was decided on; `latest` is the last instant of it. Those before `oldest` got no run, as they were
    /// missed; `None`: none did.
    pub(super) fn decided(
        self,
        timetable: &Timetable,
        now: Timestamp,
        latest: Timestamp,
        oldest: Option<Timestamp>,
    ) -> Self {
        let missed_until = oldest.map_or(now, just_before);
        let mut open: Vec<Span> = Vec::new();
        for span in self.open.spans() {
            open.extend(span.up_to(missed_until));
            open.extend(span.beyond(now));
        }
        open.extend(Span::new(self.until, latest.min(missed_until)));
        open.retain(|span| timetable.next(span.after).is_some_and(|next| next <= span.until));
        // The clock is not set back by as much without the schedule beginning anew.
        open.retain(|span| now.since(span.until) < CLOCK_CORRECTION);
        let until = self.until.max(latest);
        Self { until, open: open.into(), behind: (now < until).then_some(latest), ..self }
    }
}

impl Timetable {
    /// The mark of a schedule that nobody looked at before `now`: it begins at `now`, so that nothing before it is missed.
    /// There are two exceptions. The one instant of [`Schedule::once`](crate::Schedule::once) counts however long it is
    /// past. A first instant that is given by [`Schedule::starting`](crate::Schedule::starting) is on time if it is past by
    /// no more than [`ON_TIME`].
    ///
    /// A schedule that is stored with this mark when it is created misses nothing from then on.
    ///
    /// ```
    /// use longhaul_core::{Schedule, Timestamp};
    /// use std::time::Duration;
    ///
    /// let now: Timestamp = "2026-11-20T21:05:00Z".parse()?;
    /// let hourly = Schedule::every(Duration::from_secs(3600)).timetable()?;
    /// assert_eq!(hourly.next(hourly.begin(now).until), Some("2026-11-20T22:00:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin(&self, now: Timestamp) -> Mark {
        let until = match (&self.schedule().timing, self.schedule().starting) {
            (Timing::Once(at), _) => just_before(*at).min(just_before(now)),
            (_, Some(first)) if first <= now && now.since(first) <= ON_TIME => just_before(first),
            _ => just_before(now),
        };
        Mark::begun(until, self.digest())
    }

    /// Where a schedule goes on that was paused, or whose timing is another one than before: as when it
    /// [begins](Self::begin), but never with an instant that was handled. What fell into a pause was not wanted, and is
    /// not missed; only the one instant of [`Schedule::once`](crate::Schedule::once) is.
    ///
    /// ```
    /// use longhaul_core::{Schedule, schedule::{Situation, plan}};
    /// use std::time::Duration;
    ///
    /// let hourly = Schedule::every(Duration::from_secs(3600)).timetable()?;
    /// let paused_at = hourly.begin("2026-10-20T21:05:00Z".parse()?);
    /// let now = "2026-11-20T21:05:00Z".parse()?;
    /// let mark = hourly.resume(paused_at, now);
    /// let plan = plan(&Situation { name: "hourly", timetable: &hourly, mark: Some(mark), now, unfinished: 0 });
    /// assert!(plan.fire.is_empty());
    /// assert_eq!(plan.next, Some("2026-11-20T22:00:00Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume(&self, mark: Mark, now: Timestamp) -> Mark {
        let begun = self.begin(now);
        let mark = Mark { timing: begun.timing, ..mark };
        if begun.until <= mark.until {
            // The clock was ahead, or what is due was handled a moment ago.
            return mark.set_back(self, now).unwrap_or(mark);
        }
        Mark { behind: None, ..mark.decided(self, begun.until, begun.until, None) }
    }
}
