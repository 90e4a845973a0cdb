//! The runs that were claimed through this handle, as they were when it wrote them last.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use longhaul_core::{RunId, ServerId, State};

use crate::{id::Uuid, row::Kept};

/// A copy saves the attempt's writes a read: they compare the revision, and read the row only if it is another one.
#[derive(Debug, Default)]
pub(crate) struct HeldRuns(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    runs: HashMap<RunId, Kept>,
    /// How many runs of a claim page are still held.
    pages: HashMap<Uuid, usize>,
    /// Pages of which nothing is held any more.
    empty: Vec<Uuid>,
}

impl HeldRuns {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, id: RunId) -> Option<Kept> {
        self.lock().runs.get(&id).cloned()
    }

    /// These were written, or claimed.
    pub(crate) fn put(&self, written: impl IntoIterator<Item = Kept>) {
        let mut inner = self.lock();
        for kept in written {
            let id = kept.stored.run.id;
            let runs = matches!(kept.stored.run.state, State::Running { .. });
            let before = if runs { inner.runs.insert(id, kept.clone()) } else { inner.runs.remove(&id) };
            if let Some(page) = kept.page.filter(|_| runs) {
                *inner.pages.entry(page).or_default() += 1;
            }
            if let Some(page) = before.and_then(|before| before.page) {
                inner.leave(page);
            }
        }
    }

    /// The server of these runs is gone.
    pub(crate) fn forget(&self, server: ServerId) {
        let mut inner = self.lock();
        let gone: Vec<Uuid> = inner
            .runs
            .extract_if(|_, kept| kept.stored.run.state == State::Running { server })
            .filter_map(|(_, kept)| kept.page)
            .collect();
        for page in gone {
            inner.leave(page);
        }
    }

    /// Pages that may be removed, each once.
    pub(crate) fn empty_pages(&self) -> Vec<Uuid> {
        std::mem::take(&mut self.lock().empty)
    }
}

impl Inner {
    fn leave(&mut self, page: Uuid) {
        if let Some(left) = self.pages.get_mut(&page) {
            *left -= 1;
            if *left == 0 {
                self.pages.remove(&page);
                self.empty.push(page);
            }
        }
    }
}
