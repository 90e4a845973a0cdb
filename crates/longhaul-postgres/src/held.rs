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

    /// These were read or written for attempts.
    pub(crate) fn written(&self, written: impl IntoIterator<Item = Kept>) {
        let mut inner = self.lock();
        for kept in written {
            let id = kept.stored.run.id;
            let executes = matches!(kept.stored.run.state, State::Running { .. });
            match inner.runs.get_mut(&id) {
                Some(copy) if executes && copy.page == kept.page => *copy = kept,
                // It executes by another claim, whose page has runs that this handle does not know.
                _ if executes => inner.disown(id),
                _ => inner.drop_copy(id),
            }
        }
    }

    /// The server of these runs is gone.
    pub(crate) fn forget(&self, server: ServerId) {
        let mut inner = self.lock();
        let of_server = |kept: &Kept| kept.stored.run.state == State::Running { server };
        let ids: Vec<RunId> = inner.runs.iter().filter(|(_, kept)| of_server(kept)).map(|(id, _)| *id).collect();
        for id in ids {
            inner.disown(id);
        }
    }

    /// Nobody here executes it, though it runs: its claim could not be given back.
    pub(crate) fn disown(&self, id: RunId) {
        self.lock().disown(id);
    }

    /// Pages that may be removed, each once.
    pub(crate) fn empty_pages(&self) -> Vec<Uuid> {
        std::mem::take(&mut self.lock().empty)
    }
}

impl Inner {
    /// Its claim may go on without this handle. Whoever takes the run away finds it by its page, which stays until then.
    fn disown(&mut self, id: RunId) {
        if let Some(page) = self.runs.remove(&id).and_then(|copy| copy.page) {
            self.pages.remove(&page);
        }
    }

    /// Its claim is over.
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

#[cfg(test)]
mod tests {
    use longhaul_core::{Priority, StateKind, StoredRun, doc};

    use super::*;

    fn executing(id: u8, page: Uuid) -> Kept {
        let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
        stored.run = doc::running();
        stored.run.id = RunId::from_bytes([id; 16]);
        Kept { stored, page: Some(page) }
    }

    fn ended(mut kept: Kept) -> Kept {
        kept.stored.run.state = State::Cancelled;
        kept
    }

    #[test]
    fn a_page_may_be_removed_once_all_of_its_runs_have_ended() {
        let (held, page) = (HeldRuns::default(), Uuid([7; 16]));
        let runs = [executing(1, page), executing(2, page)];
        held.claimed(runs.clone());
        let mut newer = runs[0].clone();
        newer.stored.run.priority = Priority(3);
        held.written([newer]);
        assert_eq!(held.get(runs[0].stored.run.id).map(|kept| kept.stored.run.priority), Some(Priority(3)));
        held.written([ended(runs[0].clone())]);
        assert_eq!(held.empty_pages(), []);
        held.written([ended(runs[1].clone())]);
        assert_eq!(held.empty_pages(), [page]);
        assert_eq!(held.empty_pages(), [], "each once");
    }

    #[test]
    fn a_page_is_left_to_others_whose_runs_are_no_longer_known_here() {
        let (held, page, other) = (HeldRuns::default(), Uuid([7; 16]), Uuid([8; 16]));
        let runs = [executing(1, page), executing(2, page), executing(3, page)];
        held.claimed(runs.clone());
        // Another server executes it by a claim of its own, which ends there.
        held.written([executing(1, other)]);
        held.written([ended(executing(1, other))]);
        assert_eq!(held.empty_pages(), []);
        // It could not be given back, and the server is dead for the others: they take its runs away by this page.
        held.disown(runs[1].stored.run.id);
        let State::Running { server } = runs[2].stored.run.state else { panic!("{:?}", StateKind::Running) };
        held.forget(server);
        assert!(runs.iter().all(|run| held.get(run.stored.run.id).is_none()));
        assert_eq!(held.empty_pages(), []);
    }
}
