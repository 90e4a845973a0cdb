//! The ends of runs, in the order in which they came.

use std::collections::BTreeMap;

use longhaul_core::{
    RunId, Timestamp,
    store::{EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun},
};

use super::memory_state::MemoryState;

/// What is known of the ends of runs.
#[derive(Default)]
pub(super) struct Ends {
    by_position: BTreeMap<u64, RunId>,
    last: u64,
    /// The latest that was removed.
    removed: u64,
}

impl Ends {
    pub(super) fn add(&mut self, now: Timestamp, id: RunId) {
        self.last = (self.last + 1).max(now.as_micros().unsigned_abs());
        self.by_position.insert(self.last, id);
    }

    pub(super) fn remove(&mut self, id: RunId) {
        let position = self.by_position.iter().find(|(_, there)| **there == id).map(|(position, _)| *position);
        if let Some(position) = position {
            self.by_position.remove(&position);
            self.removed = self.removed.max(position);
        }
    }
}

impl MemoryState {
    pub(super) fn ended(&self, request: &EndedRequest) -> Result<EndedPage, EndedError> {
        let EndedRequest { after, limit, .. } = *request;
        let ends = &self.ends;
        if after.is_overtaken(ends.removed) {
            return Err(EndedError::Overtaken { resume: EndedCursor { known_removed: ends.removed, ..after } });
        }
        let known_removed = after.known_removed.max(ends.removed);
        let is_after = |(position, id): &(&u64, &RunId)| (**position, **id) > (after.position, after.run);
        let run = |(position, id): (&u64, &RunId)| {
            let run = &self.runs[id].stored.run;
            let cursor = EndedCursor { position: *position, run: *id, known_removed };
            EndedRun { id: *id, kind: run.kind.clone(), state: run.state.kind(), at: run.since, cursor }
        };
        let there = ends.by_position.range(after.position..);
        let runs: Vec<EndedRun> = there.filter(is_after).map(run).take(limit).collect();
        let latest = EndedCursor { known_removed, ..EndedCursor::after_all_of(ends.last) };
        let next = runs.last().map_or(latest.max(after), |run| run.cursor);
        Ok(EndedPage { runs, damaged: Vec::new(), next, latest })
    }
}
