//! The positions of ends.

use std::collections::BTreeSet;

use longhaul_core::{RunId, Timestamp, store::EndedCursor};

/// What is known of the ends of runs.
pub(super) struct Ends {
    /// Each with its run. Ends that were copied from another store may share a position.
    pub(super) there: BTreeSet<(u64, RunId)>,
    pub(super) last: u64,
    /// The latest that was removed.
    pub(super) removed: u64,
    /// After the latest end that was there when the store was opened.
    pub(super) opened: EndedCursor,
}

impl Default for Ends {
    fn default() -> Self {
        Self { there: BTreeSet::new(), last: 0, removed: 0, opened: EndedCursor::START }
    }
}

impl Ends {
    /// The store is opened again, and has ended nothing yet.
    pub(super) fn reopen(&mut self) {
        self.opened = EndedCursor { known_removed: self.removed, ..EndedCursor::after_all_of(self.last) };
    }

    pub(super) fn add(&mut self, now: Timestamp, id: RunId) {
        self.insert((self.last + 1).max(now.as_micros().unsigned_abs()), id);
    }

    /// An end at this position.
    pub(super) fn insert(&mut self, position: u64, id: RunId) {
        self.last = self.last.max(position);
        self.there.insert((position, id));
    }

    pub(super) fn position(&self, id: RunId) -> Option<u64> {
        self.there.iter().find(|(_, there)| *there == id).map(|(position, _)| *position)
    }

    pub(super) fn remove(&mut self, id: RunId) {
        if let Some(position) = self.position(id) {
            self.there.remove(&(position, id));
            self.removed = self.removed.max(position);
        }
    }
}
