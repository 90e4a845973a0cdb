//! What is read, and what is swept out.

use std::collections::BTreeMap;

use longhaul_core::{
    Explanation, Log, LogRequest, Queue, Retentions, RunId, Snapshot, Timestamp,
    admission::DueRuns,
    explain::explain,
    limits::PAGE_MAX,
    log::gather,
    store::{Filter, GetError, HeaderPage, Page, PageRequest, QueueDepth, RunHeader, Swept},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.runs.get(&id).map(|record| record.stored.snapshot()).ok_or(GetError::NotFound(id))
    }

    pub(super) fn read_log(&self, request: &LogRequest) -> Result<Log, GetError> {
        let record = self.runs.get(&request.id).ok_or(GetError::NotFound(request.id))?;
        Ok(gather(record.log.values().cloned(), request.attempt, request.from))
    }

    pub(super) fn explain(&self, now: Timestamp, id: RunId) -> Result<Explanation, GetError> {
        let run = &self.runs.get(&id).ok_or(GetError::NotFound(id))?.stored.run;
        let source = DueRuns::of(now, self.runs());
        Ok(explain(now, run, &self.admission, &self.offers(), &source))
    }

    pub(super) fn list(&self, request: &PageRequest) -> Page {
        let PageRequest { filter, order, after, limit } = request;
        assert!((1..=PAGE_MAX).contains(limit), "a page has 1 to {PAGE_MAX} runs, not {limit}");
        let mut matching: Vec<_> = self
            .runs
            .values()
            .map(|record| &record.stored)
            .filter(|stored| after.is_none_or(|after| order.compare(after, stored.run.id).is_lt()))
            .filter(|stored| filter.matches(&stored.run))
            .collect();
        matching.sort_unstable_by(|left, right| order.compare(left.run.id, right.run.id));
        let runs: Vec<_> = matching.iter().take(*limit).map(|stored| stored.snapshot()).collect();
        let next = matching.get(*limit).and(runs.last()).map(|last| last.run.id);
        Page { runs, damaged: Vec::new(), next }
    }

    pub(super) fn list_headers(&self, request: &PageRequest) -> HeaderPage {
        let Page { runs, damaged, next } = self.list(request);
        HeaderPage { runs: runs.iter().map(|snapshot| RunHeader::of(&snapshot.run)).collect(), damaged, next }
    }

    pub(super) fn headers(&self, ids: &[RunId]) -> Vec<RunHeader> {
        assert!(ids.len() <= PAGE_MAX, "at most {PAGE_MAX} runs, not {}", ids.len());
        ids.iter().filter_map(|id| self.runs.get(id)).map(|record| RunHeader::of(&record.stored.run)).collect()
    }

    pub(super) fn count(&self, filter: &Filter) -> u64 {
        self.runs().filter(|run| filter.matches(run)).count() as u64
    }

    pub(super) fn queues(&self, now: Timestamp) -> Vec<QueueDepth> {
        let mut depths: BTreeMap<Queue, QueueDepth> = BTreeMap::new();
        for run in self.runs() {
            if let Some(due) = run.due().filter(|due| *due <= now) {
                let queue = run.queue.clone();
                let depth = depths.entry(queue.clone()).or_insert(QueueDepth { queue, due: 0, oldest: due });
                depth.due += 1;
                depth.oldest = depth.oldest.min(due);
            }
        }
        depths.into_values().collect()
    }

    pub(super) fn sweep(&mut self, now: Timestamp, retentions: &Retentions, max: usize) -> Swept {
        let lives = |id: RunId| self.runs.get(&id).is_some_and(|parent| !parent.stored.run.state.is_final());
        let removable = |run: &longhaul_core::Run| {
            let at = retentions.of(&run.kind).removable_at(run.state.kind(), run.since);
            at.filter(|_| !run.stops_key() && !run.parent().is_some_and(|parent| lives(parent.id)))
        };
        let mut kept: Vec<(Timestamp, RunId)> =
            self.runs().filter_map(|run| removable(run).map(|at| (at, run.id))).collect();
        kept.sort_unstable();
        let removed = kept.iter().take(max).take_while(|(at, _)| *at <= now).count();
        for (_, id) in &kept[..removed] {
            self.remove_final(now, *id);
        }
        Swept { removed, next: kept.get(removed).map(|(at, _)| *at) }
    }
}
