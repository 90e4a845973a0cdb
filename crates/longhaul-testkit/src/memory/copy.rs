//! Copies of what is kept, out and in.

use std::collections::BTreeMap;

use longhaul_core::{
    Control, Key, Kind, RunId,
    log::place,
    store::copy::{CopiedRun, CopyCursor, CopyItem, CopyPage},
};

use super::memory_state::{MemoryState, Record};

/// Items on a page.
const PAGE: usize = 64;

impl MemoryState {
    pub(super) fn copy_out(&self, from: Option<CopyCursor>) -> CopyPage {
        match from {
            None => {
                let (controls, starts) = (&self.admission.controls, &self.admission.buckets);
                let kinds = self.kinds.values().cloned();
                CopyPage::of_settings(self.now, controls, self.schedules.all(), kinds, starts, self.ends.removed())
            }
            Some(CopyCursor::RunsAfter(after)) => self.copy_runs(after),
            Some(CopyCursor::KeysAfter(after)) => self.copy_keys(after.as_ref()),
        }
    }

    fn copy_runs(&self, after: Option<RunId>) -> CopyPage {
        let later = self.runs.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        let copied = |Record { stored, end, log }: &Record| {
            CopiedRun::new(stored.clone(), *end, log.values().cloned().collect())
        };
        let runs: Vec<CopiedRun> = later.take(PAGE).map(|(_, record)| copied(record)).collect();
        let last = runs.last().map(|run| run.stored.run.id).filter(|_| runs.len() == PAGE);
        CopyPage::of_runs(runs, last)
    }

    fn copy_keys(&self, after: Option<&(Kind, Key)>) -> CopyPage {
        let later = self.removed.iter().filter(|(key, _)| after.is_none_or(|after| *key > after));
        let page: Vec<_> = later.filter(|(_, removed)| self.now < removed.until).take(PAGE).collect();
        let last = page.last().map(|(key, _)| (*key).clone()).filter(|_| page.len() == PAGE);
        let items = page.into_iter().map(|(_, removed)| CopyItem::Key(removed.clone()));
        CopyPage { items: items.collect(), next: last.map(|last| CopyCursor::KeysAfter(Some(last))) }
    }

    pub(super) fn copy_in(&mut self, items: Vec<CopyItem>) -> usize {
        let added = items.into_iter().map(|item| usize::from(self.copy_one_in(item))).sum();
        // What is copied waits as it waited: what it waits for may come later.
        self.news.clear();
        added
    }

    /// Whether it was added.
    fn copy_one_in(&mut self, item: CopyItem) -> bool {
        match item {
            CopyItem::Control(scope, control) => {
                let is_new = self.admission.controls.get(&scope).is_none_or(Control::is_empty);
                if is_new {
                    self.admission.controls.put(scope, control);
                }
                is_new
            }
            CopyItem::Schedule(name, value) => {
                let is_new = self.schedules.get(&name).is_none();
                if is_new {
                    self.schedules.change(name, Some(value));
                }
                is_new
            }
            CopyItem::Kind(kind) => is_added(&mut self.kinds, kind.kind.clone(), kind),
            CopyItem::Starts(bucket, starts) => is_added(&mut self.admission.buckets, bucket, starts),
            CopyItem::RemovedEnds(position) => {
                self.ends.reach(position);
                self.ends.remove(position)
            }
            CopyItem::Run(copied) => self.copy_run_in(*copied),
            CopyItem::Key(removed) => is_added(&mut self.removed, (removed.kind.clone(), removed.key.clone()), removed),
        }
    }

    fn copy_run_in(&mut self, copied: CopiedRun) -> bool {
        let CopiedRun { mut stored, end, log } = copied;
        let is_new = !self.runs.contains_key(&stored.run.id);
        if is_new {
            stored.interrupt(self.now, "it was copied while it ran");
            if stored.run.has_turn() && self.is_taken(&stored.run) {
                stored.run.yield_turn();
            }
            self.ends.reach(end.unwrap_or_default());
            let pages = log.into_iter().map(|(attempt, page)| (place(attempt, page.number), (attempt, page)));
            self.add(Record { stored, end, log: pages.collect() });
        }
        is_new
    }
}

fn is_added<K: Ord, V>(there: &mut BTreeMap<K, V>, key: K, value: V) -> bool {
    let is_new = !there.contains_key(&key);
    there.entry(key).or_insert(value);
    is_new
}
