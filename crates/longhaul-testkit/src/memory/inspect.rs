//! What is read.

use std::collections::BTreeMap;

use longhaul_core::{
    Explanation, Key, Kind, Log, LogRequest, Queue, Run, RunId, Snapshot, Statistics, StoreError,
    admission::DueRuns,
    explain::explain,
    limits::PAGE_MAX,
    log::gather,
    store::{
        EndedError, EndedPage, EndedRequest, Filter, GetError, HeaderPage, KindDescription, Page, PageRequest,
        QueueDepth, RunHeader,
    },
};

use super::memory_state::{MemoryState, Record};

impl MemoryState {
    fn find(&self, id: RunId) -> Result<&Record, GetError> {
        self.runs.get(&id).ok_or(GetError::NotFound(id))
    }

    pub(super) fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        Ok(self.find(id)?.stored.snapshot())
    }

    /// `None`: it is as `seen`.
    pub(super) fn changed(&self, id: RunId, seen: u64) -> Option<Result<Snapshot, GetError>> {
        let is_new = self.run(id).is_none_or(|run| run.revision > seen);
        is_new.then(|| self.get(id))
    }

    pub(super) fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError> {
        Ok(self.holder_there(&kind, &key).map(|run| run.id))
    }

    pub(super) fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        let (run, source) = (&self.find(id)?.stored.run, DueRuns::of(self.now, self.runs()));
        Ok(explain(self.now, run, &self.admission, &self.servers.offers(), &source))
    }

    pub(super) fn read_log(&self, request: LogRequest) -> Result<Log, GetError> {
        Ok(gather(self.find(request.id)?.log.values().cloned(), request.attempt, request.from))
    }

    pub(super) fn list(&self, request: PageRequest) -> Result<Page, StoreError> {
        let (runs, next) = self.listed(&request);
        let runs = runs.iter().map(|run| self.runs[&run.id].stored.snapshot());
        Ok(Page { runs: runs.collect(), damaged: Vec::new(), next })
    }

    pub(super) fn list_headers(&self, request: PageRequest) -> Result<HeaderPage, StoreError> {
        let (runs, next) = self.listed(&request);
        Ok(HeaderPage { runs: runs.into_iter().map(RunHeader::of).collect(), damaged: Vec::new(), next })
    }

    pub(super) fn headers(&self, ids: Vec<RunId>) -> Result<Vec<RunHeader>, StoreError> {
        assert!(ids.len() <= PAGE_MAX, "at most {PAGE_MAX} runs, not {}", ids.len());
        Ok(ids.into_iter().filter_map(|id| self.run(id)).map(RunHeader::of).collect())
    }

    fn listed(&self, request: &PageRequest) -> (Vec<&Run>, Option<RunId>) {
        request.assert_limits();
        let PageRequest { filter, order, after, limit } = request;
        let is_later = |run: &&Run| after.is_none_or(|after| order.compare(after, run.id).is_lt());
        let mut runs: Vec<&Run> = self.runs().filter(is_later).filter(|run| filter.matches(run)).collect();
        runs.sort_unstable_by(|left, right| order.compare(left.id, right.id));
        let is_cut = runs.len() > *limit;
        runs.truncate(*limit);
        let next = runs.last().map(|run| run.id).filter(|_| is_cut);
        (runs, next)
    }

    pub(super) fn statistics(&self) -> Result<Statistics, StoreError> {
        Ok(self.statistics.clone())
    }

    /// `None`: nothing has ended since, and who asks waits for it.
    pub(super) fn ended(&self, request: &EndedRequest) -> Option<Result<EndedPage, EndedError>> {
        let EndedRequest { after, limit, wait } = *request;
        let mut page = match self.ends.page(after) {
            Ok(page) => page,
            overtaken => return Some(overtaken),
        };
        let ends = self.runs.values().filter_map(|record| Some((record.end?, &record.stored.run)));
        let is_later = |(end, run): &(u64, &Run)| (*end, run.id) > (after.position, after.run);
        let mut later: Vec<(u64, &Run)> = ends.filter(is_later).collect();
        later.sort_unstable_by_key(|(end, run)| (*end, run.id));
        for (end, run) in later.into_iter().take(limit) {
            page.push(end, (run.id, run.kind.clone()), (run.state.kind(), run.since));
        }
        (!wait || !page.runs.is_empty()).then_some(Ok(page))
    }

    pub(super) fn count(&self, filter: Filter) -> Result<u64, StoreError> {
        Ok(self.runs().filter(|run| filter.matches(run)).count() as u64)
    }

    pub(super) fn kinds(&self) -> Result<Vec<KindDescription>, StoreError> {
        Ok(self.kinds.values().cloned().collect())
    }

    pub(super) fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        let mut depths: BTreeMap<&Queue, QueueDepth> = BTreeMap::new();
        for run in self.runs() {
            if let Some(oldest) = run.due().filter(|due| *due <= self.now) {
                let none = || QueueDepth { queue: run.queue.clone(), due: 0, oldest };
                let depth = depths.entry(&run.queue).or_insert_with(none);
                depth.due += 1;
                depth.oldest = depth.oldest.min(oldest);
            }
        }
        Ok(depths.into_values().collect())
    }
}
