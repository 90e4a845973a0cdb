//! What exceptions and dates make of the instants of a timetable.

use super::{Timetable, just_before};
use crate::{schedule::Exceptions, time::Timestamp};

/// The exceptions that a timetable goes by.
#[derive(Clone, Debug, Default)]
pub(in crate::schedule) struct Excepted {
    /// Instants that do not come when the schedule has them, in order.
    gone: Vec<Timestamp>,
    /// When others come instead, and which, in order.
    moved: Vec<(Timestamp, Timestamp)>,
}

impl Excepted {
    /// Those whose instant the timetable has. One that was moved onto another instant is left out: two would be one.
    pub(in crate::schedule) fn of(timetable: &Timetable, exceptions: &Exceptions) -> Self {
        let planned = || exceptions.iter().filter(|exception| timetable.is_planned(exception.instant));
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

    pub(in crate::schedule) fn is_gone(&self, at: Timestamp) -> bool {
        self.gone.binary_search(&at).is_ok()
    }

    /// How many do not come in (`after`, `until`] though the schedule has them then.
    pub(in crate::schedule) fn count_gone(&self, after: Timestamp, until: Timestamp) -> u64 {
        self.gone.iter().filter(|at| after < **at && **at <= until).count() as u64
    }

    /// How many come in (`after`, `until`] that were moved.
    pub(in crate::schedule) fn count_moved(&self, after: Timestamp, until: Timestamp) -> u64 {
        self.moved.iter().filter(|(to, _)| after < *to && *to <= until).count() as u64
    }

    pub(in crate::schedule) fn next_moved(&self, after: Timestamp) -> Option<Timestamp> {
        self.moved.iter().map(|(to, _)| *to).find(|to| *to > after)
    }

    pub(in crate::schedule) fn latest_moved(&self, after: Timestamp, until: Timestamp) -> Option<Timestamp> {
        self.moved.iter().rev().map(|(to, _)| *to).find(|to| *to <= until).filter(|to| *to > after)
    }

    /// The instant that comes at `to` because it was moved.
    pub(in crate::schedule) fn moved_from(&self, to: Timestamp) -> Option<Timestamp> {
        self.moved.iter().find(|(at, _)| *at == to).map(|(_, instant)| *instant)
    }

    pub(in crate::schedule) fn moved_to(&self, instant: Timestamp) -> Option<Timestamp> {
        self.moved.iter().find(|(_, from)| *from == instant).map(|(to, _)| *to)
    }
}

/// Dates that a schedule leaves out, as spans of time: from the first instant of a day to before that of the next.
#[derive(Clone, Debug, Default)]
pub(in crate::schedule) struct DatesOff(Vec<(Timestamp, Timestamp)>);

impl DatesOff {
    /// Days that follow one another are one span.
    pub(in crate::schedule) fn new(mut days: Vec<(Timestamp, Timestamp)>) -> Self {
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
    pub(in crate::schedule) fn around(&self, at: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let (begin, end) = *self.0[..self.0.partition_point(|(begin, _)| *begin <= at)].last()?;
        (at < end).then_some((begin, end))
    }

    /// The parts of the spans that lie in (`after`, `until`], in the same form.
    pub(in crate::schedule) fn within(
        &self,
        after: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let cut =
            move |(begin, end): &(Timestamp, Timestamp)| (after.max(just_before(*begin)), until.min(just_before(*end)));
        self.0.iter().map(cut).filter(|(after, until)| after < until)
    }
}
