//! What is to be done about a schedule at `now`: which runs to enqueue, what was left out, when to look again.

use std::{collections::VecDeque, fmt, time::Duration};

use super::{
    CLOCK_CORRECTION, COUNT_MAX, Mark, Missed, ON_TIME, Open, Overlap, Timetable, Timing, WAITING_MAX, key::run_id,
    mark::Span, timetable::just_before,
};
use crate::{id::RunId, time::Timestamp};

/// All that [`plan`](plan()) has to know.
///
/// ```
/// use longhaul_core::schedule::{Schedule, Situation, plan};
/// use longhaul_core::Timestamp;
/// use std::time::Duration;
///
/// let hour = Duration::from_secs(3600);
/// let timetable = Schedule::every(hour).timetable()?;
/// let begun = plan(&Situation { name: "hourly", timetable: &timetable, mark: None, now: Timestamp::EPOCH, unfinished: 0 });
/// let situation = Situation { mark: Some(begun.mark), now: Timestamp::EPOCH.after(hour), ..Situation {
///     name: "hourly", timetable: &timetable, mark: None, now: Timestamp::EPOCH, unfinished: 0,
/// } };
/// let plan = plan(&situation);
/// assert_eq!(plan.fire.len(), 1);
/// # Ok::<(), longhaul_core::ScheduleError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Situation<'a> {
    /// The schedule's name.
    pub name: &'a str,
    /// Its instants.
    pub timetable: &'a Timetable,
    /// What the plan before gave; `None`: it was never looked at.
    pub mark: Option<Mark>,
    /// The time.
    pub now: Timestamp,
    /// How many runs of the schedule are neither Completed, Failed nor Cancelled. Where runs are not enqueued in one
    /// transaction with the mark, those of instants after the mark do not count: they are of this very plan.
    pub unfinished: u32,
}

/// What is to be done.
///
/// ```
/// use longhaul_core::schedule::{Schedule, Situation, plan};
/// use longhaul_core::Timestamp;
/// use std::time::Duration;
///
/// let hour = Duration::from_secs(3600);
/// let timetable = Schedule::every(hour).timetable()?;
/// let begun = plan(&Situation { name: "hourly", timetable: &timetable, mark: None, now: Timestamp::EPOCH, unfinished: 0 });
/// let situation = Situation { mark: Some(begun.mark), now: Timestamp::EPOCH.after(hour), ..Situation {
///     name: "hourly", timetable: &timetable, mark: None, now: Timestamp::EPOCH, unfinished: 0,
/// } };
/// let plan = plan(&situation);
/// assert_eq!(plan.fire[0].instant, Timestamp::EPOCH.after(hour));
/// assert_eq!(plan.next, Some(Timestamp::EPOCH.after(hour * 2)));
/// # Ok::<(), longhaul_core::ScheduleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Plan {
    /// The runs to enqueue, the oldest instant first; at most [`WAITING_MAX`].
    pub fire: Vec<Firing>,
    /// The unfinished runs are to be cancelled.
    pub cancel_running: bool,
    /// The instants up to `now` that get no run.
    pub left_out: LeftOut,
    /// What to store, in one transaction with the runs, if it is another one than before. It is the same if nothing was
    /// due, unless the schedule begins or there is a remark.
    pub mark: Mark,
    /// When to look again: the first instant after `now` that was not handled. `None`: never, unless it is changed.
    pub next: Option<Timestamp>,
    /// What an operator may wonder about.
    pub remark: Option<Remark>,
}

/// One run to enqueue.
///
/// ```
/// use longhaul_core::schedule::{Schedule, Situation, plan};
/// use longhaul_core::Timestamp;
/// use std::time::Duration;
///
/// let hour = Duration::from_secs(3600);
/// let timetable = Schedule::every(hour).timetable()?;
/// let begun = plan(&Situation { name: "hourly", timetable: &timetable, mark: None, now: Timestamp::EPOCH, unfinished: 0 });
/// let situation = Situation { mark: Some(begun.mark), now: Timestamp::EPOCH.after(hour), ..Situation {
///     name: "hourly", timetable: &timetable, mark: None, now: Timestamp::EPOCH, unfinished: 0,
/// } };
/// let plan = plan(&situation);
/// assert_eq!(plan.fire[0].run, longhaul_core::schedule::run_id("hourly", plan.fire[0].instant));
/// # Ok::<(), longhaul_core::ScheduleError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Firing {
    /// The instant that the run stands for, as the schedule has it: also if it was moved.
    pub instant: Timestamp,
    /// When the run is due: the instant, or the time that it was moved to, and its jitter.
    pub due: Timestamp,
    /// The run's id, which is [`run_id`] of the schedule's name and the instant: whoever enqueues it a second time is
    /// told that it is there.
    pub run: RunId,
}

/// How many instants get no run, and why.
///
/// ```
/// use longhaul_core::schedule::{InstantCount, LeftOut};
///
/// let two_weeks_away = LeftOut { missed: InstantCount::Exactly(13), overlapped: 0 };
/// assert_eq!(two_weeks_away.missed.to_string(), "13");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct LeftOut {
    /// Nobody looked in time, and [`Missed`] does not make up for them.
    pub missed: InstantCount,
    /// An earlier run was not finished, or too many were waiting.
    pub overlapped: u32,
}

/// A number, as far as it was counted.
///
/// ```
/// use longhaul_core::schedule::InstantCount;
///
/// assert_eq!(InstantCount::Exactly(12).to_string(), "12");
/// assert_eq!(InstantCount::MoreThan(1000).to_string(), "more than 1000");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum InstantCount {
    /// So many.
    Exactly(u64),
    /// So many and more.
    MoreThan(u64),
}

impl fmt::Display for InstantCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(n) => write!(f, "{n}"),
            Self::MoreThan(n) => write!(f, "more than {n}"),
        }
    }
}

/// What an operator may wonder about.
///
/// ```
/// use longhaul_core::schedule::Remark;
/// use std::time::Duration;
///
/// assert_ne!(Remark::ClockBehind(Duration::from_secs(60)), Remark::Changed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Remark {
    /// The timing is another one than before: instants of the new one before now are not missed.
    Changed,
    /// The clock shows a time before what was handled. All instants up to there have their runs: nothing is due until it
    /// has caught up.
    ClockBehind(Duration),
    /// The clock shows a time before what was handled: it was ahead then, and the schedule goes on from now.
    ClockCorrected(Duration),
}

/// Says what is to be done about a schedule now.
///
/// The same situation gives the same plan; with the mark of a plan, nothing of it is planned again. Instants at or
/// before the mark never fire, unless the clock was corrected. Of several servers that look after the same schedule each
/// may plan: the ids keep the runs apart that only one may enqueue.
///
/// - *Nobody looked for long*: [`Missed`] decides which instants get a run; no plan has more than [`WAITING_MAX`].
/// - *The clock went back*: what was handled is not repeated. Instants that it had jumped over, so that they were missed,
///   lie ahead again, and get their runs; the schedule goes on from now. From [`CLOCK_CORRECTION`] on it goes on from now
///   in any case, and runs that come again have the ids they had. (A schedule with one instant that was handled stays
///   so.)
/// - *The timing was changed*: it begins anew as by [`Timetable::resume`].
/// - *It was paused*: call [`Timetable::resume`] when it goes on. Without that, what fell into the pause was missed.
///
/// One call costs one look for the next instant if nothing is due. After an absence it costs a few dozen more, and what
/// [`COUNT_MAX`](super::COUNT_MAX) says.
///
/// ```
/// use longhaul_core::{Schedule, schedule::{Mark, Situation, plan}};
/// use std::time::Duration;
///
/// let hourly = Schedule::every(Duration::from_secs(3600)).timetable()?;
/// let mark = hourly.begin("2026-11-20T18:30:00Z".parse()?);
/// let now = "2026-11-20T21:05:00Z".parse()?;
/// let plan = plan(&Situation { name: "hourly", timetable: &hourly, mark: Some(mark), now, unfinished: 0 });
///
/// // 19:00 and 20:00 were missed as well; one run makes up for all.
/// assert_eq!(plan.fire.len(), 1);
/// assert_eq!(plan.fire[0].instant, "2026-11-20T21:00:00Z".parse()?);
/// assert_eq!(plan.left_out.missed.to_string(), "2");
/// assert_eq!(plan.next, Some("2026-11-20T22:00:00Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn plan(situation: &Situation<'_>) -> Plan {
    let &Situation { timetable, now, .. } = situation;
    let (mark, remark) = start(situation);
    let due: Vec<Span> = mark.due(now);
    let Some(latest) = due.iter().rev().find_map(|span| timetable.latest(span.after, span.until)) else {
        return Plan {
            fire: Vec::new(),
            cancel_running: false,
            left_out: LeftOut { missed: InstantCount::Exactly(0), overlapped: 0 },
            mark,
            next: mark.next(timetable),
            remark,
        };
    };
    let wanted = not_missed(timetable, &due, latest, now);
    let missed = count_others(timetable, &due, &wanted);
    let mark = mark.decided(timetable, now, latest, wanted.front().copied());
    let (instants, overlapped) = not_overlapping(timetable.schedule().overlap, wanted, situation.unfinished);
    let firing = |&at: &Timestamp| {
        let instant = timetable.instant_at(at);
        Firing { instant, due: timetable.due(situation.name, instant), run: run_id(situation.name, instant) }
    };
    Plan {
        cancel_running: timetable.schedule().overlap == Overlap::CancelRunning
            && situation.unfinished > 0
            && !instants.is_empty(),
        fire: instants.iter().map(firing).collect(),
        left_out: LeftOut { missed, overlapped },
        mark,
        next: mark.next(timetable),
        remark,
    }
}

/// The mark to go on from.
fn start(situation: &Situation<'_>) -> (Mark, Option<Remark>) {
    let &Situation { timetable, now, .. } = situation;
    let Some(mark) = situation.mark else { return (timetable.begin(now), None) };
    let behind = mark.until.since(now);
    let recurring = !matches!(timetable.schedule().timing, Timing::Once(_));
    if behind >= CLOCK_CORRECTION && recurring {
        // What came before now may have its run, from before the clock was wrong.
        (Mark { open: Open::default(), ..timetable.begin(now) }, Some(Remark::ClockCorrected(behind)))
    } else if mark.timing != timetable.digest() {
        (timetable.resume(mark, now), Some(Remark::Changed))
    } else if behind > Duration::ZERO {
        match mark.set_back(timetable, now) {
            Some(going_on) if going_on == mark => (mark, None),
            Some(going_on) => (going_on, Some(Remark::ClockCorrected(behind))),
            None => (mark, Some(Remark::ClockBehind(behind))),
        }
    } else {
        (mark, None)
    }
}

/// Those of the instants that are due, up to `latest`, that get a run by the policy for missed ones, the oldest first.
fn not_missed(timetable: &Timetable, due: &[Span], latest: Timestamp, now: Timestamp) -> VecDeque<Timestamp> {
    let max = match timetable.schedule().missed {
        Missed::Skip if now.since(latest) > ON_TIME => 0,
        Missed::Skip | Missed::Once => 1,
        Missed::All(max) => max,
    };
    let before = |&instant: &Timestamp| {
        let mut earlier = due.iter().rev().filter_map(|span| span.up_to(just_before(instant)));
        earlier.find_map(|span| timetable.latest(span.after, span.until))
    };
    let mut wanted = VecDeque::new();
    for instant in std::iter::successors(Some(latest), before).take(max as usize) {
        wanted.push_front(instant);
    }
    wanted
}

/// How many instants that are due are not wanted.
fn count_others(timetable: &Timetable, due: &[Span], wanted: &VecDeque<Timestamp>) -> InstantCount {
    let oldest = wanted.front().map_or(Timestamp::MAX, |&oldest| just_before(oldest));
    let counts = due.iter().filter_map(|span| span.up_to(oldest)).map(|span| {
        timetable.count(span.after, span.until).map_or(InstantCount::MoreThan(COUNT_MAX), InstantCount::Exactly)
    });
    counts.fold(InstantCount::Exactly(0), |all, count| match (all, count) {
        (InstantCount::Exactly(all), InstantCount::Exactly(count)) => InstantCount::Exactly(all + count),
        (
            InstantCount::Exactly(all) | InstantCount::MoreThan(all),
            InstantCount::Exactly(count) | InstantCount::MoreThan(count),
        ) => InstantCount::MoreThan(all.max(count)),
    })
}

/// Those of the wanted instants that get a run beside the unfinished ones, and how many do not.
fn not_overlapping(overlap: Overlap, mut wanted: VecDeque<Timestamp>, unfinished: u32) -> (VecDeque<Timestamp>, u32) {
    let all = wanted.len();
    match overlap {
        Overlap::Skip if unfinished > 0 => wanted.clear(),
        // Those between would be cancelled before they begin.
        Overlap::CancelRunning => drop(wanted.drain(..all.saturating_sub(1))),
        // The oldest keep their place; what finds no room is left out as it would be were it to come later.
        Overlap::Skip | Overlap::Queue | Overlap::Allow => {
            wanted.truncate(WAITING_MAX.saturating_sub(unfinished) as usize);
        }
    }
    let overlapped = (all - wanted.len()) as u32;
    (wanted, overlapped)
}
