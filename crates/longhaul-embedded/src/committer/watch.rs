//! Callers who wait for a run to change.

use std::collections::HashMap;

use longhaul_core::{RunId, Snapshot, StoreError, store::GetError};

use crate::committer::{Committer, command::Verdict};

pub(crate) struct Watcher {
    pub(crate) id: RunId,
    /// The revision that it knows.
    pub(crate) seen: u64,
    pub(crate) reply: Verdict<Snapshot, GetError>,
}

/// Those who wait, by run.
#[derive(Default)]
pub(crate) struct Watchers {
    by_run: HashMap<RunId, Vec<Watcher>>,
    count: usize,
    /// How many there were when those who gave up were last removed.
    swept: usize,
}

impl Watchers {
    fn wait(&mut self, watcher: Watcher) {
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

    pub(crate) fn take(&mut self, id: RunId) -> Vec<Watcher> {
        let taken = self.by_run.remove(&id).unwrap_or_default();
        self.count -= taken.len();
        taken
    }

    pub(crate) fn refuse(&mut self, error: &StoreError) {
        for watcher in self.by_run.drain().flat_map(|(_, watchers)| watchers) {
            _ = watcher.reply.send(Err(error.clone()));
        }
        self.count = 0;
    }
}

impl Committer {
    /// Answers if the run is newer than what the watcher knows; otherwise it waits.
    pub(crate) fn show_change(&mut self, watcher: Watcher) {
        if watcher.reply.is_closed() {
            return;
        }
        match (self.get(watcher.id), self.health.get()) {
            (Ok(Ok(snapshot)), None) if snapshot.run.revision <= watcher.seen => self.watchers.wait(watcher),
            (Ok(Ok(snapshot)), Some(error)) if snapshot.run.revision <= watcher.seen => {
                _ = watcher.reply.send(Err(error.clone()));
            }
            (verdict, _) => self.reply(watcher.reply, verdict),
        }
    }
}
