//! Children, and runs that wait for others.

use longhaul_core::{
    AwaitedEnd, ChildRefused, Event, NewRun, RunId, Timestamp,
    family::{cancel_children, is_told},
    store::InsertError,
};

use super::memory_state::MemoryState;

impl MemoryState {
    /// The id is taken: by the same run, or, if it names a parent, by one that is not this child.
    pub(super) fn duplicate(&self, new: &NewRun) -> InsertError {
        let there = self.runs[&new.id].stored.run.parent();
        match new.parent() {
            Some(parent) if !there.is_some_and(|there| there.is_same_child(parent)) => {
                ChildRefused::Ambiguous { name: parent.name.clone() }.into()
            }
            _ => InsertError::Duplicate(new.id),
        }
    }

    /// Lets runs go on whose wait is over, and cancels children of what was cancelled.
    pub(super) fn look_at_waits(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        while let Some(news) = self.families.news.pop_first() {
            let ended = self.families.ended.remove(&news);
            let run = self.runs.get(&news).map(|record| &record.stored.run).filter(|_| ended);
            if let Some(event) = run.and_then(cancel_children) {
                for child in self.families.children.get(&news).cloned().unwrap_or_default() {
                    // One that is final stays so.
                    let open = self.runs.get(&child).is_some_and(|record| !is_told(&record.stored.run));
                    any |= open && self.apply(now, child, &event).is_ok();
                }
            }
            let names = |id: &RunId| self.awaited(*id).is_some_and(|awaits| awaits.named().contains(&news));
            let mut waiting: Vec<RunId> = self.families.waiting.iter().copied().filter(names).collect();
            waiting.extend(self.families.waiting.get(&news));
            for id in waiting {
                any |= self.look_at_wait(now, id);
            }
        }
        any
    }

    fn awaited(&self, id: RunId) -> Option<&longhaul_core::Awaits> {
        self.runs.get(&id)?.stored.run.awaits.as_deref()
    }

    fn look_at_wait(&mut self, now: Timestamp, id: RunId) -> bool {
        let Some(awaits) = self.awaited(id) else { return false };
        let ended = awaits.named().iter().filter_map(|id| match self.runs.get(id) {
            Some(record) if !record.stored.run.state.is_final() => None,
            there => Some(AwaitedEnd { id: *id, state: there.map(|record| record.stored.run.state.kind()) }),
        });
        let event = Event::RunsEnded { children: self.families.counts(id), ended: ended.collect() };
        // Nothing that it waits for has ended.
        self.apply(now, id, &event).is_ok()
    }
}
