//! The first runs of lines, by priority: claims are offered each priority apart.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    iter,
    ops::{Bound, RangeInclusive},
};

use longhaul_core::{Priority, RunId, Timestamp, admission::DuePosition};

/// The first run of a priority in a line, and since when it waits for its turn: since it is due, unless its key had a turn
/// later than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    priority: Reverse<Priority>,
    pub(super) since: Timestamp,
    pub(super) position: DuePosition,
}

impl Head {
    pub(super) const fn new(since: Timestamp, position: DuePosition) -> Self {
        Self { priority: Reverse(position.priority()), since, position }
    }
}

const FIRST_ID: RunId = RunId::from_bytes([0; 16]);
const LAST_ID: RunId = RunId::from_bytes([255; 16]);
const FIRST_TIME: Timestamp = Timestamp::from_micros(i64::MIN);
const LAST_TIME: Timestamp = Timestamp::from_micros(i64::MAX);

/// All positions of a priority.
pub(super) fn positions_of(priority: Priority) -> RangeInclusive<DuePosition> {
    DuePosition::new(priority, FIRST_TIME, FIRST_ID)..=DuePosition::new(priority, LAST_TIME, LAST_ID)
}

/// The first run of this priority.
pub(super) fn first_of(due: &BTreeSet<DuePosition>, priority: Priority) -> Option<DuePosition> {
    let first = due.first()?;
    // Mostly there is one priority.
    if first.priority() == priority { Some(*first) } else { due.range(positions_of(priority)).next().copied() }
}

/// The first run of each priority; there are at most 256.
pub(super) fn firsts(due: &BTreeSet<DuePosition>) -> impl Iterator<Item = DuePosition> {
    iter::successors(due.first().copied(), |first| {
        let end = *positions_of(first.priority()).end();
        due.range((Bound::Excluded(end), Bound::Unbounded)).next().copied()
    })
}

/// All heads of a priority.
pub(super) fn heads_of(priority: Priority) -> RangeInclusive<(Head, u32)> {
    let (first, last) = positions_of(priority).into_inner();
    (Head::new(FIRST_TIME, first), 0)..=(Head::new(LAST_TIME, last), u32::MAX)
}

/// The priorities of these heads.
pub(super) fn priorities(heads: &BTreeSet<(Head, u32)>) -> impl Iterator<Item = Priority> {
    let first = heads.first().map(|(head, _)| head.priority.0);
    iter::successors(first, |priority| {
        let end = *heads_of(*priority).end();
        heads.range((Bound::Excluded(end), Bound::Unbounded)).next().map(|(head, _)| head.priority.0)
    })
}
