//! Where a due run stands among those of its queue.

use std::cmp::Reverse;

use super::{Ageing, DuePosition};
use crate::{control::Limits, run::Priority, time::Timestamp};

/// How the due runs of a queue come one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct QueueOrder {
    ageing: Option<Ageing>,
    /// Its limit keys take turns.
    pub(super) fair: bool,
}

impl QueueOrder {
    pub(super) fn of(limits: Option<&Limits>) -> Self {
        limits.map_or_else(Self::default, |limits| Self { ageing: limits.ageing, fair: limits.fair_by_key })
    }

    /// The place of a run that has waited for its turn since then.
    pub(super) fn place(self, position: DuePosition, since: Timestamp) -> Place {
        let priority = position.priority();
        let aged = self.ageing.map_or(Timestamp::EPOCH, |ageing| ageing.virtual_since(since, priority));
        Place { aged, priority: Reverse(priority), since, position }
    }
}

/// The place of a due run in its queue: the least is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The same for all where priority does not age.
    aged: Timestamp,
    priority: Reverse<Priority>,
    since: Timestamp,
    pub(super) position: DuePosition,
}
