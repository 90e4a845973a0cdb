//! All schedules, in memory too: they are few, and looked at often.

use std::{collections::BTreeMap, sync::Arc};

use longhaul_core::{
    ScheduleName,
    store::{ScheduleChanges, ScheduleRow},
};

/// The revision of the last change, and the bytes since then.
pub(super) type Revised = (u64, Arc<[u8]>);

pub(crate) struct ScheduleRows {
    there: BTreeMap<ScheduleName, Revised>,
    /// Removed since the store was opened, with the revision of that.
    removed: BTreeMap<ScheduleName, u64>,
    /// The revision of the last change; 1 if there was none yet. 0 is what callers ask with who know nothing.
    position: u64,
    /// Something changed since [`take_news`](Self::take_news).
    news: bool,
}

impl Default for ScheduleRows {
    fn default() -> Self {
        Self { there: BTreeMap::new(), removed: BTreeMap::new(), position: 1, news: false }
    }
}

impl ScheduleRows {
    /// As they are in the file.
    pub(super) fn of(there: BTreeMap<ScheduleName, Revised>, position: Option<u64>) -> Self {
        let none = Self::default();
        Self { there, position: position.unwrap_or(none.position), ..none }
    }

    pub(crate) fn revision(&self, name: &ScheduleName) -> Option<u64> {
        self.there.get(name).map(|(revision, _)| *revision)
    }

    pub(crate) fn get(&self, name: &ScheduleName) -> Option<ScheduleRow> {
        let (revision, value) = self.there.get(name)?;
        Some(ScheduleRow { name: name.clone(), revision: *revision, value: value.clone() })
    }

    /// How many bytes a schedule has; `None` if it is not there.
    pub(crate) fn length(&self, name: &ScheduleName) -> Option<usize> {
        self.there.get(name).map(|(_, value)| value.len())
    }

    /// The revision of the next change.
    pub(crate) fn next_revision(&self) -> u64 {
        self.position + 1
    }

    /// A schedule changes, or goes: that is the next revision.
    pub(crate) fn change(&mut self, name: ScheduleName, value: Option<Arc<[u8]>>) {
        self.position = self.next_revision();
        self.news = true;
        if let Some(value) = value {
            self.removed.remove(&name);
            self.there.insert(name, (self.position, value));
        } else {
            self.there.remove(&name);
            self.removed.insert(name, self.position);
        }
    }

    /// What changed after `seen`; `None`: nothing.
    pub(crate) fn after(&self, seen: u64) -> Option<ScheduleChanges> {
        if seen >= self.position {
            return None;
        }
        let changed = self.there.iter().filter(|(_, (revision, _))| *revision > seen);
        let row = |(name, (revision, value)): (&ScheduleName, &Revised)| ScheduleRow {
            name: name.clone(),
            revision: *revision,
            value: value.clone(),
        };
        let removed = self.removed.iter().filter(|(_, revision)| **revision > seen).map(|(name, _)| name.clone());
        Some(ScheduleChanges {
            position: self.position,
            changed: changed.map(row).collect(),
            removed: removed.collect(),
        })
    }

    /// Whether something changed since this was asked last.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }
}
