//! The ends of runs, in the order in which they came.

use std::ops::Bound::{Excluded, Unbounded};

use longhaul_core::{
    RunId,
    store::{EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn ended(&self, request: &EndedRequest) -> Result<EndedPage, EndedError> {
        let EndedRequest { after, limit, .. } = *request;
        let ends = &self.ends;
        if after.is_overtaken(ends.removed) {
            return Err(EndedError::Overtaken { resume: EndedCursor { known_removed: ends.removed, ..after } });
        }
        let known_removed = after.known_removed.max(ends.removed);
        let run = |(position, id): &(u64, RunId)| {
            let run = &self.runs[id].stored.run;
            let cursor = EndedCursor { position: *position, run: *id, known_removed };
            EndedRun { id: *id, kind: run.kind.clone(), state: run.state.kind(), at: run.since, cursor }
        };
        let later = ends.there.range((Excluded((after.position, after.run)), Unbounded));
        let runs: Vec<EndedRun> = later.map(run).take(limit).collect();
        let latest = EndedCursor { known_removed, ..EndedCursor::after_all_of(ends.last) };
        let next = runs.last().map_or(latest.max(after), |run| run.cursor);
        Ok(EndedPage { runs, damaged: Vec::new(), next, opened: ends.opened, latest })
    }
}
