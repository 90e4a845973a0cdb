//! The positions of ends.

use std::collections::BTreeMap;

use longhaul_core::{RunId, Timestamp};

/// What is known of the ends of runs.
#[derive(Default)]
pub(super) struct Ends {
    pub(super) by_position: BTreeMap<u64, RunId>,
    pub(super) last: u64,
    /// The latest that was removed.
    pub(super) removed: u64,
}

impl Ends {
    pub(super) fn add(&mut self, now: Timestamp, id: RunId) {
        self.last = (self.last + 1).max(now.as_micros().unsigned_abs());
        self.by_position.insert(self.last, id);
    }

    pub(super) fn remove(&mut self, id: RunId) {
        let position = self.by_position.iter().find(|(_, there)| **there == id).map(|(position, _)| *position);
        if let Some(position) = position {
            self.by_position.remove(&position);
            self.removed = self.removed.max(position);
        }
    }
}
