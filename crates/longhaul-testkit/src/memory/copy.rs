//! Copies of what is kept, out and in.

use longhaul_core::{
    Control, LogPage, RunId, Timestamp,
    log::place,
    store::copy::{CopiedRun, CopyCursor, CopyItem, CopyPage, RemovedKey},
};

use super::memory_state::{MemoryState, Record, RemovedHolder};

/// Items on a page.
const PAGE: usize = 64;

impl MemoryState {
    pub(super) fn copy_out(&self, now: Timestamp, from: Option<CopyCursor>) -> CopyPage {
        match from {
            None => CopyPage { items: self.settings(now), next: Some(CopyCursor::RunsAfter(None)) },
            Some(CopyCursor::RunsAfter(after)) => {
                let later = self.runs.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
                let page: Vec<(&RunId, &Record)> = later.take(PAGE).collect();
                let last = page.last().map(|(id, _)| **id).filter(|_| page.len() == PAGE);
                let next = last.map_or(CopyCursor::KeysAfter(None), |last| CopyCursor::RunsAfter(Some(last)));
                let items = page.iter().map(|(id, record)| CopyItem::Run(Box::new(self.copied(**id, record))));
                CopyPage { items: items.collect(), next: Some(next) }
            }
            Some(CopyCursor::KeysAfter(after)) => {
                let later = self.removed.iter().filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
                let page: Vec<_> = later.filter(|(_, removed)| now < removed.until).take(PAGE).collect();
                let last = page.last().map(|(key, _)| (*key).clone()).filter(|_| page.len() == PAGE);
                let items = page.iter().map(|((kind, key), removed)| {
                    let (run, state, until) = (removed.id, removed.state, removed.until);
                    CopyItem::Key(RemovedKey { kind: kind.clone(), key: key.clone(), run, state, until })
                });
                CopyPage { items: items.collect(), next: last.map(|last| CopyCursor::KeysAfter(Some(last))) }
            }
        }
    }

    fn settings(&self, now: Timestamp) -> Vec<CopyItem> {
        let mut items: Vec<CopyItem> = Vec::new();
        let controls = self.admission.controls.iter().filter(|(_, control)| !control.is_empty());
        items.extend(controls.map(|(scope, control)| CopyItem::Control(scope, control.clone())));
        let there = self.schedules.iter().filter_map(|(name, (_, value))| Some((name.clone(), value.clone()?)));
        items.extend(there.map(|(name, value)| CopyItem::Schedule(name, value)));
        items.extend(self.kinds.values().cloned().map(CopyItem::Kind));
        let starts = self.admission.buckets.iter().filter(|(_, starts)| starts.idle_at() > now);
        items.extend(starts.map(|(bucket, starts)| CopyItem::Starts(bucket.clone(), starts.clone())));
        items.extend((self.ends.removed > 0).then_some(CopyItem::RemovedEnds(self.ends.removed)));
        items
    }

    fn copied(&self, id: RunId, record: &Record) -> CopiedRun {
        let mut log: Vec<(u32, LogPage)> = record.log.values().cloned().collect();
        log.sort_unstable_by_key(|(attempt, page)| (*attempt, page.number));
        CopiedRun { stored: record.stored.clone(), end: self.ends.position(id), log }
    }

    /// Whether it was added.
    pub(super) fn copy_in(&mut self, now: Timestamp, item: CopyItem) -> bool {
        match item {
            CopyItem::Control(scope, control) => {
                let is_new = self.admission.controls.get(&scope).is_none_or(Control::is_empty);
                if is_new {
                    self.admission.controls.put(scope, control);
                }
                is_new
            }
            CopyItem::Schedule(name, value) => {
                let is_new = self.get_schedule(&name).is_none();
                if is_new {
                    self.changes += 1;
                    self.schedules.insert(name, (self.position(), Some(value)));
                }
                is_new
            }
            CopyItem::Kind(kind) => {
                let is_new = !self.kinds.contains_key(&kind.kind);
                self.kinds.entry(kind.kind.clone()).or_insert(kind);
                is_new
            }
            CopyItem::Starts(bucket, starts) => {
                let is_new = !self.admission.buckets.contains_key(&bucket);
                self.admission.buckets.entry(bucket).or_insert(starts);
                is_new
            }
            CopyItem::RemovedEnds(position) => {
                let is_new = position > self.ends.removed;
                self.ends.removed = self.ends.removed.max(position);
                self.ends.last = self.ends.last.max(position);
                is_new
            }
            CopyItem::Run(copied) => self.copy_run_in(now, *copied),
            CopyItem::Key(RemovedKey { kind, key, run: id, state, until }) => {
                let is_new = !self.removed.contains_key(&(kind.clone(), key.clone()));
                self.removed.entry((kind, key)).or_insert(RemovedHolder { id, state, until });
                is_new
            }
        }
    }

    fn copy_run_in(&mut self, now: Timestamp, copied: CopiedRun) -> bool {
        let CopiedRun { mut stored, end, log } = copied;
        let id = stored.run.id;
        if self.runs.contains_key(&id) {
            return false;
        }
        stored.interrupt(now, "it was copied while it ran");
        self.come_back(&mut stored.run);
        self.add(now, stored);
        if let Some(position) = end {
            self.ends.insert(position, id);
        }
        let record = self.runs.get_mut(&id).expect("it was just added");
        record.log = log.into_iter().map(|(attempt, page)| (place(attempt, page.number), (attempt, page))).collect();
        true
    }
}
