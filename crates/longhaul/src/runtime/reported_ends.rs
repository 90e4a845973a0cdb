//! Runs whose end was reported with that of their attempt, so that it is not reported again.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use longhaul_core::RunId;

#[derive(Default)]
pub(super) struct ReportedEnds(Mutex<HashSet<RunId>>);

impl ReportedEnds {
    fn lock(&self) -> MutexGuard<'_, HashSet<RunId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, id: RunId) {
        self.lock().insert(id);
    }

    /// Whether it was there.
    pub(super) fn take(&self, id: RunId) -> bool {
        self.lock().remove(&id)
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}
