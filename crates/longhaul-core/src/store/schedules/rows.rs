//! Schedules as a store has them that holds all of them in memory: they are few, and looked at often.

use std::{collections::BTreeMap, sync::Arc};

use super::{ScheduleChangeError, ScheduleChanges, ScheduleRow};
use crate::name::ScheduleName;

/// All schedules, with the revisions of their changes.
///
/// ```
/// use longhaul_core::{ScheduleName, store::ScheduleRows};
///
/// let (mut rows, nightly) = (ScheduleRows::default(), ScheduleName::new("nightly")?);
/// let revision = rows.check(&nightly, None).expect("there is none of this name");
/// rows.change(nightly.clone(), Some((*b"{}").into()));
/// assert_eq!(rows.get(&nightly).expect("it was just kept").revision, revision);
/// assert!(rows.check(&nightly, None).is_err()); // somebody else has made it
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScheduleRows {
    there: BTreeMap<ScheduleName, (u64, Arc<[u8]>)>,
    /// Removed since the store was opened, with the revision of that.
    removed: BTreeMap<ScheduleName, u64>,
    /// The revision of the last change.
    position: u64,
    news: bool,
}

impl Default for ScheduleRows {
    fn default() -> Self {
        Self::of([], Self::NONE_CHANGED)
    }
}

impl ScheduleRows {
    /// The position before the first change. 0 is what callers ask with who know nothing.
    pub const NONE_CHANGED: u64 = 1;

    /// As they were kept. `position`: the revision of the last change, or [`NONE_CHANGED`](Self::NONE_CHANGED).
    pub fn of(rows: impl IntoIterator<Item = ScheduleRow>, position: u64) -> Self {
        let there = rows.into_iter().map(|row| (row.name, (row.revision, row.value))).collect();
        Self { there, removed: BTreeMap::new(), position, news: false }
    }

    /// The revision of a change that was made on the revision `seen`.
    ///
    /// # Errors
    /// The schedule has another one.
    pub fn check(&self, name: &ScheduleName, seen: Option<u64>) -> Result<u64, ScheduleChangeError> {
        let revision = self.there.get(name).map(|(revision, _)| *revision);
        let conflict = || ScheduleChangeError::Conflict { name: name.clone(), revision };
        (revision == seen).then_some(self.position + 1).ok_or_else(conflict)
    }

    /// A schedule changes, or goes: that is the next revision.
    pub fn change(&mut self, name: ScheduleName, value: Option<Arc<[u8]>>) {
        self.position += 1;
        self.news = true;
        if let Some(value) = value {
            self.removed.remove(&name);
            self.there.insert(name, (self.position, value));
        } else {
            self.there.remove(&name);
            self.removed.insert(name, self.position);
        }
    }

    /// One schedule.
    pub fn get(&self, name: &ScheduleName) -> Option<ScheduleRow> {
        self.there.get_key_value(name).map(row)
    }

    /// All schedules, by name.
    pub fn all(&self) -> impl Iterator<Item = ScheduleRow> {
        self.there.iter().map(row)
    }

    /// What changed after `seen`; `None`: nothing.
    pub fn after(&self, seen: u64) -> Option<ScheduleChanges> {
        if seen >= self.position {
            return None;
        }
        let changed = self.all().filter(|row| row.revision > seen).collect();
        let removed = self.removed.iter().filter(|(_, revision)| **revision > seen).map(|(name, _)| name.clone());
        Some(ScheduleChanges { position: self.position, changed, removed: removed.collect() })
    }

    /// Whether something changed since this was asked last.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }
}

fn row((name, (revision, value)): (&ScheduleName, &(u64, Arc<[u8]>))) -> ScheduleRow {
    ScheduleRow { name: name.clone(), revision: *revision, value: value.clone() }
}
