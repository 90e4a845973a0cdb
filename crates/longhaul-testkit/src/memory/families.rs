//! Children, and runs that wait for others.

use std::convert::Infallible;

use longhaul_core::{
    Awaits, ChildCounts, Run, RunId, StateKind, StoreError,
    family::{cancel_children, is_told, runs_ended},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn child_counts(&self, parent: RunId) -> Result<ChildCounts, StoreError> {
        Ok(self.children_of(parent))
    }

    pub(super) fn children_of(&self, parent: RunId) -> ChildCounts {
        self.child_counts.get(&parent).copied().unwrap_or_default()
    }

    /// A run counted as `before` among the children of its parent, and counts as `after`.
    pub(super) fn note_family(&mut self, run: &Run, before: Option<StateKind>, after: Option<StateKind>) {
        // What it waits for, or who waits for it, may be something else now; a look too many changes nothing.
        self.news.insert(run.id);
        if before.is_some_and(|before| !before.is_final()) && cancel_children(run).is_some() {
            self.cancelled.insert(run.id);
        }
        let Some(parent) = run.parent() else { return };
        // The counts go with the parent.
        if before != after && (before.is_none() || self.child_counts.contains_key(&parent.id)) {
            self.child_counts.entry(parent.id).or_default().moved(before, after);
            self.news.insert(parent.id);
        }
    }

    /// Lets runs go on whose wait is over, and cancels children of what was cancelled; answers whether there were any.
    pub(super) fn look_at_waits(&mut self) -> bool {
        let mut any = false;
        loop {
            let news = std::mem::take(&mut self.news);
            let is_news = |awaits: &Awaits| awaits.named().iter().any(|id| news.contains(id));
            let concerns =
                |run: &&Run| run.awaits.as_deref().is_some_and(|awaits| news.contains(&run.id) || is_news(awaits));
            for id in self.runs().filter(concerns).map(|run| run.id).collect::<Vec<_>>() {
                any |= self.look_at_wait(id);
            }
            if self.news.is_empty() {
                let Some(parent) = self.cancelled.pop_first() else { return any };
                any |= self.cancel_children(parent);
            }
        }
    }

    fn look_at_wait(&mut self, id: RunId) -> bool {
        let Some(awaits) = self.run(id).and_then(|run| run.awaits.clone()) else { return false };
        let state_of = |id| Ok::<_, Infallible>(self.run(id).map(|run| run.state.kind()));
        let Ok(event) = runs_ended(&awaits, self.children_of(id), state_of);
        // Nothing that it waits for has ended.
        self.apply(id, &event).is_ok()
    }

    fn cancel_children(&mut self, parent: RunId) -> bool {
        let Some(event) = self.run(parent).and_then(cancel_children) else { return false };
        let is_child = |run: &&Run| run.parent().is_some_and(|of| of.id == parent) && !is_told(run);
        let children: Vec<RunId> = self.runs().filter(is_child).map(|run| run.id).collect();
        // Those that are final stay so.
        children.into_iter().filter(|id| self.apply(*id, &event).is_ok()).count() > 0
    }
}
