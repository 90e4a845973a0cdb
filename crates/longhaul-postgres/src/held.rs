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

    /// These were claimed.
    pub(crate) fn claimed(&self, claimed: impl IntoIterator<Item = Kept>) {
        let mut inner = self.lock();
        for kept in claimed {
            if let Some(page) = kept.page {
                *inner.pages.entry(page).or_default() += 1;
            }
            inner.drop_copy(kept.stored.run.id);
            inner.runs.insert(kept.stored.run.id, kept);
        }
    }

    /// These were read or written for attempts. One that executes with another claim than the copy is not this handle's any
    /// more: its page has runs that this handle does not know.
    pub(crate) fn written(&self, written: impl IntoIterator<Item = Kept>) {
        let mut inner = self.lock();
        for kept in written {
            let id = kept.stored.run.id;
            let executes = matches!(kept.stored.run.state, State::Running { .. });
            match inner.runs.get_mut(&id) {
                Some(copy) if executes && copy.page == kept.page => *copy = kept,
                _ => inner.drop_copy(id),
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
    fn drop_copy(&mut self, id: RunId) {
        if let Some(page) = self.runs.remove(&id).and_then(|copy| copy.page) {
            self.leave(page);
        }
    }

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
