//! Who waits in this process, and for what.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use longhaul_core::RunId;
use tokio::sync::Notify;

/// What calls wait for.
#[derive(Debug, Default)]
pub(crate) struct Wake {
    /// Runs may be due, or what held them back is over.
    pub(crate) claims: Arc<Notify>,
    /// Runs were asked to stop.
    pub(crate) stops: Arc<Notify>,
    pub(crate) schedules: Arc<Notify>,
    pub(crate) ended: Arc<Notify>,
    runs: Mutex<HashMap<RunId, (Arc<Notify>, usize)>>,
}

impl Wake {
    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, (Arc<Notify>, usize)>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Told when `id` changes, as long as the answer lives.
    pub(crate) fn watch(&self, id: RunId) -> Watch<'_> {
        let mut runs = self.runs();
        let (notify, watchers) = runs.entry(id).or_default();
        *watchers += 1;
        Watch { wake: self, id, notify: Arc::clone(notify) }
    }

    /// These runs changed.
    pub(crate) fn changed(&self, ids: impl IntoIterator<Item = RunId>) {
        let runs = self.runs();
        if !runs.is_empty() {
            ids.into_iter().filter_map(|id| runs.get(&id)).for_each(|(notify, _)| notify.notify_waiters());
        }
    }

    /// The time jumped, or the store was closed: everyone looks again.
    pub(crate) fn all(&self) {
        for notify in [&self.claims, &self.stops, &self.schedules, &self.ended] {
            notify.notify_waiters();
        }
        self.runs().values().for_each(|(notify, _)| notify.notify_waiters());
    }
}

/// Somebody waits for a change of a run.
pub(crate) struct Watch<'a> {
    wake: &'a Wake,
    id: RunId,
    pub(crate) notify: Arc<Notify>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut runs = self.wake.runs();
        if let Some((_, watchers)) = runs.get_mut(&self.id) {
            *watchers -= 1;
            if *watchers == 0 {
                runs.remove(&self.id);
            }
        }
    }
}
