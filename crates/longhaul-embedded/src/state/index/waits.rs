//! Runs that wait for other runs. Most runs do not, and cost nothing here.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use longhaul_core::{Awaits, Run, RunId};

#[derive(Debug, Default)]
pub(crate) struct Waits {
    of: HashMap<RunId, Arc<Awaits>>,
    /// Who waits for a run that it names.
    waiting: HashMap<RunId, Vec<RunId>>,
    /// Runs that wait, and have to be looked at.
    news: VecDeque<RunId>,
    /// Runs that were cancelled, and their children have yet to be.
    pub(crate) cancels: VecDeque<RunId>,
}

impl Waits {
    /// Keeps what the run waits for now, if it waits.
    pub(super) fn note(&mut self, run: &Run) {
        if self.of.get(&run.id) == run.awaits.as_ref() {
            return;
        }
        self.forget(run.id);
        if let Some(awaits) = &run.awaits {
            for id in awaits.named() {
                self.waiting.entry(*id).or_default().push(run.id);
            }
            self.of.insert(run.id, Arc::clone(awaits));
            self.news.push_back(run.id);
        }
    }

    pub(super) fn forget(&mut self, id: RunId) {
        if !self.of.is_empty()
            && let Some(awaits) = self.of.remove(&id)
        {
            for named in awaits.named() {
                if let Some(waiting) = self.waiting.get_mut(named) {
                    waiting.retain(|waiting| *waiting != id);
                    if waiting.is_empty() {
                        self.waiting.remove(named);
                    }
                }
            }
        }
    }

    /// This run ended, or is not there any more.
    pub(crate) fn ended(&mut self, id: RunId) {
        if !self.waiting.is_empty() {
            self.news.extend(self.waiting.get(&id).into_iter().flatten());
        }
    }

    /// Something has changed with the children of this run.
    pub(crate) fn children_changed(&mut self, parent: RunId) {
        if self.of.get(&parent).is_some_and(|awaits| awaits.children()) && self.news.back() != Some(&parent) {
            self.news.push_back(parent);
        }
    }

    /// What a run waits for.
    pub(crate) fn of(&self, id: RunId) -> Option<Arc<Awaits>> {
        self.of.get(&id).cloned()
    }

    /// Nobody has to be looked at for what has happened so far.
    pub(crate) fn forget_news(&mut self) {
        self.news.clear();
    }

    /// The next run to be looked at.
    pub(crate) fn next(&mut self) -> Option<RunId> {
        self.news.pop_front()
    }

    /// Whether nobody has to be looked at.
    pub(crate) fn is_quiet(&self) -> bool {
        self.news.is_empty() && self.cancels.is_empty()
    }
}
