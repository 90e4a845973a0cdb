//! Which children there are, and which runs wait for others.

use std::collections::{BTreeMap, BTreeSet};

use longhaul_core::{ChildCounts, Run, RunId, StateKind};

#[derive(Default)]
pub(super) struct Families {
    counts: BTreeMap<RunId, ChildCounts>,
    pub(super) children: BTreeMap<RunId, BTreeSet<RunId>>,
    /// Runs that wait for others.
    pub(super) waiting: BTreeSet<RunId>,
    /// Runs that began to wait, or ended, since somebody looked.
    pub(super) news: BTreeSet<RunId>,
    /// Runs that ended since then: a cancellation goes down once, and what is retried after that goes on.
    pub(super) ended: BTreeSet<RunId>,
}

impl Families {
    pub(super) fn counts(&self, parent: RunId) -> ChildCounts {
        self.counts.get(&parent).copied().unwrap_or_default()
    }

    /// A child counted as `before`, and counts as `after`.
    pub(super) fn moved(&mut self, run: &Run, before: Option<StateKind>, after: Option<StateKind>) {
        let Some(parent) = run.parent() else { return };
        if before.is_some() && !self.counts.contains_key(&parent.id) {
            return; // the parent was removed
        }
        self.counts.entry(parent.id).or_default().moved(before, after);
        let children = self.children.entry(parent.id).or_default();
        if after.is_some() || run.lineage.successor.is_some() {
            children.insert(run.id);
        } else {
            children.remove(&run.id);
        }
        // The one that it was retried as is open, or it was removed.
        if before != after {
            self.news.insert(parent.id);
        }
    }

    pub(super) fn waits(&mut self, run: &Run) {
        if run.awaits.is_none() {
            self.waiting.remove(&run.id);
        } else {
            self.waiting.insert(run.id);
            // What it waits for may be something else now; a look too many changes nothing.
            self.news.insert(run.id);
        }
    }

    pub(super) fn ended(&mut self, id: RunId) {
        self.news.insert(id);
        self.ended.insert(id);
    }

    /// What came in by a copy waits as it waited: what it waits for may come later.
    pub(super) fn forget_news(&mut self) {
        self.news.clear();
        self.ended.clear();
    }

    pub(super) fn removed(&mut self, id: RunId) {
        self.waiting.remove(&id);
        self.news.insert(id);
        self.counts.remove(&id);
        self.children.remove(&id);
    }
}
