//! Callers who wait for a run to change.

use std::collections::HashMap;

use longhaul_core::{RunId, Snapshot, StoreError, store::GetError};

use super::command::Verdict;

/// A caller who waits for a run to be newer than it knows.
pub(super) struct Watcher {
    pub(super) id: RunId,
    /// The revision that it knows.
    pub(super) seen: u64,
    pub(super) reply: Verdict<Snapshot, GetError>,
}

/// Those who wait, by run.
#[derive(Default)]
pub(super) struct Watchers {
    by_run: HashMap<RunId, Vec<Watcher>>,
    count: usize,
    /// How many there were when those who gave up were last removed.
    swept: usize,
}

impl Watchers {
    pub(super) fn wait(&mut self, watcher: Watcher) {
        self.by_run.entry(watcher.id).or_default().push(watcher);
        self.count += 1;
        // Twice as many as after the last sweep: so the sweeps cost each watcher a constant.
        if self.count > 2 * self.swept + 64 {
            self.by_run.retain(|_, watchers| {
                watchers.retain(|watcher| !watcher.reply.is_closed());
                !watchers.is_empty()
            });
            self.count = self.by_run.values().map(Vec::len).sum();
            self.swept = self.count;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_run.is_empty()
    }

    pub(super) fn take(&mut self, id: RunId) -> Vec<Watcher> {
        let taken = self.by_run.remove(&id).unwrap_or_default();
        self.count -= taken.len();
        taken
    }

    pub(super) fn refuse(&mut self, error: &StoreError) {
        for watcher in self.by_run.drain().flat_map(|(_, watchers)| watchers) {
            _ = watcher.reply.send(Err(error.clone()));
        }
        self.count = 0;
    }
}
