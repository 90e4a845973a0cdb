//! Which runs time alone ends, and when: suspensions that fail, runs that expire before they begin. Most runs have no
//! such deadline, and cost nothing here.

use std::collections::{BTreeSet, HashMap};

use longhaul_core::{Run, RunId, Timestamp};

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    by_time: BTreeSet<(Timestamp, RunId)>,
    of: HashMap<RunId, Timestamp>,
}

impl Deadlines {
    /// Keeps the deadline that the run has now, if it has one.
    pub(super) fn note(&mut self, run: &Run) {
        self.forget(run.id);
        if let Some(deadline) = run.deadline() {
            self.by_time.insert((deadline, run.id));
            self.of.insert(run.id, deadline);
        }
    }

    pub(crate) fn forget(&mut self, id: RunId) {
        if !self.of.is_empty()
            && let Some(deadline) = self.of.remove(&id)
        {
            self.by_time.remove(&(deadline, id));
        }
    }

    /// Whether the deadline of this run has passed.
    pub(crate) fn has_passed(&self, now: Timestamp, id: RunId) -> bool {
        !self.of.is_empty() && self.of.get(&id).is_some_and(|deadline| *deadline <= now)
    }

    /// The next.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(deadline, _)| *deadline)
    }

    /// At most `max` of those that have passed, the oldest first.
    pub(crate) fn passed(&self, now: Timestamp, max: usize) -> Vec<RunId> {
        self.by_time.iter().take_while(|(deadline, _)| *deadline <= now).take(max).map(|(_, id)| *id).collect()
    }
}
