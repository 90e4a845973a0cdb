//! What is read. Each call reads only so much, so that commits never wait for long.

use std::ops::ControlFlow;

use longhaul_core::{
    Run, RunId, Snapshot, StateKind,
    record::Damage,
    store::{Damaged, Filter, GetError, ListOrder, Page, PageRequest},
};

use crate::{
    committer::Committer,
    error::Fault,
    format::keys,
    state::{index::Entry, load::read_run},
};

/// Records that one call reads: a few milliseconds.
const READS_MAX: usize = 1000;
/// Entries of the index that one call looks at: a millisecond.
const LOOKS_MAX: usize = 20_000;
/// Bytes of values in one answer.
const WEIGHT_MAX: usize = 8 << 20;

/// Which part of a count is to be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct CountRequest {
    pub(crate) filter: Filter,
    pub(crate) from: CountFrom,
}

/// Where a count goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum CountFrom {
    #[default]
    Start,
    Live(RunId),
    Final(Option<RunId>),
}

/// Part of a count, and where to go on.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) count: u64,
    pub(crate) next: Option<CountFrom>,
}

fn damaged_run(id: RunId, damage: &Damage) -> Damaged {
    Damaged { id, why: damage.reason.as_ref().into() }
}

/// Some ids that match, in order, and how far was looked; `None`: to the end.
#[derive(Default)]
struct Found {
    ids: Vec<RunId>,
    damaged: Vec<Damaged>,
    looked_to: Option<RunId>,
}

impl Committer {
    pub(crate) fn get(&mut self, id: RunId) -> Result<Result<Snapshot, GetError>, Fault> {
        if let Err(error) = self.shows(id) {
            return Ok(Err(error.into()));
        }
        Ok(self.snapshot(id)?.ok_or(GetError::NotFound(id)))
    }

    pub(crate) fn snapshot(&mut self, id: RunId) -> Result<Option<Snapshot>, Fault> {
        match self.active.get(&id) {
            Some(record) => Ok(Some(record.snapshot())),
            None => Ok(self.load(id)?.map(|record| record.into_snapshot())),
        }
    }

    pub(crate) fn list(&mut self, request: &PageRequest) -> Result<Page, Fault> {
        let PageRequest { filter, order, after, limit } = request;
        // One more, to know whether there is a next page.
        let live = self.find_live(filter, *order, *after, limit + 1)?;
        let ended = self.find_final(filter, *order, *after, limit + 1)?;
        let looked_to = [live.looked_to, ended.looked_to].into_iter().flatten();
        let horizon = looked_to.min_by(|left, right| order.compare(*left, *right));
        let within = |id: RunId, last: Option<RunId>| last.is_none_or(|last| order.compare(id, last).is_le());
        let mut ids = [live.ids, ended.ids].concat();
        ids.sort_unstable_by(|left, right| order.compare(*left, *right));
        ids.retain(|id| within(*id, horizon) && self.shows(*id).is_ok());
        let mut damaged = [live.damaged, ended.damaged].concat();
        let mut page = Page { next: horizon, ..Page::default() };
        let mut weight = 0;
        for id in ids {
            if page.runs.len() == *limit || weight > WEIGHT_MAX {
                page.next = page.runs.last().map(|last| last.run.id);
                break;
            }
            match self.snapshot(id) {
                Ok(Some(snapshot)) => {
                    weight += snapshot.metadata.len()
                        + snapshot.execution_metadata.as_ref().map_or(0, longhaul_core::Envelope::len)
                        + snapshot.run.inbox().messages.iter().map(|message| message.value.len()).sum::<usize>();
                    page.runs.push(snapshot);
                }
                Ok(None) => {}
                Err(Fault::Damage(damage)) => damaged.push(damaged_run(id, &damage)),
                Err(fault) => return Err(fault),
            }
        }
        damaged.retain(|one| within(one.id, page.next));
        damaged.sort_unstable_by(|left, right| order.compare(left.id, right.id));
        page.damaged = damaged;
        Ok(page)
    }

    pub(crate) fn count(&mut self, request: &CountRequest) -> Result<Counted, Fault> {
        let (filter, order) = (&request.filter, ListOrder::OldestFirst);
        let after = match request.from {
            CountFrom::Final(after) => {
                let found = self.find_final(filter, order, after, usize::MAX)?;
                let next = found.looked_to.map(|last| CountFrom::Final(Some(last)));
                return Ok(Counted { count: found.ids.len() as u64, next });
            }
            CountFrom::Live(after) => Some(after),
            CountFrom::Start => None,
        };
        let found = self.find_live(filter, order, after, usize::MAX)?;
        let mut count = found.ids.len() as u64;
        if let Some(last) = found.looked_to {
            return Ok(Counted { count, next: Some(CountFrom::Live(last)) });
        }
        // In the same call, so that small stores are counted at one moment.
        let found = self.find_final(filter, order, None, usize::MAX)?;
        count += found.ids.len() as u64;
        Ok(Counted { count, next: found.looked_to.map(|last| CountFrom::Final(Some(last))) })
    }

    fn find_live(
        &mut self,
        filter: &Filter,
        order: ListOrder,
        after: Option<RunId>,
        max: usize,
    ) -> Result<Found, Fault> {
        let mut found = Found::default();
        if !filter.states.is_empty() && filter.states.iter().all(|state| state.is_final()) {
            return Ok(found);
        }
        // What the index does not know is in the record.
        let asks_the_record = !filter.tags.is_empty() || filter.from.is_some() || filter.before.is_some();
        let (mut looks, mut unsure) = (0, 0);
        let (mut candidates, mut last) = (Vec::new(), None);
        for (id, entry) in self.candidates(filter, order, after) {
            if candidates.len() == max || looks == LOOKS_MAX || unsure == READS_MAX {
                // The one before it was the last that was looked at.
                found.looked_to = last;
                break;
            }
            looks += 1;
            last = Some(id);
            if self.may_match(filter, &entry) {
                unsure += usize::from(asks_the_record);
                candidates.push(id);
            }
        }
        for id in candidates {
            if !asks_the_record {
                found.ids.push(id);
                continue;
            }
            match self.run_of(id) {
                Ok(run) => found.ids.extend(run.filter(|run| filter.matches(run)).map(|run| run.id)),
                Err(Fault::Damage(damage)) => found.damaged.push(damaged_run(id, &damage)),
                Err(fault) => return Err(fault),
            }
        }
        Ok(found)
    }

    fn candidates<'a>(
        &'a self,
        filter: &Filter,
        order: ListOrder,
        after: Option<RunId>,
    ) -> Box<dyn Iterator<Item = (RunId, Entry)> + 'a> {
        match (filter.tags.first(), &filter.states[..]) {
            (Some(tag), _) => self.index.tagged(tag, order, after),
            // A server that starts looks for them, among as many others as there may be.
            (None, [StateKind::Incompatible]) => self.index.parked(order, after),
            (None, _) => self.index.listed(order, after),
        }
    }

    fn may_match(&self, filter: &Filter, entry: &Entry) -> bool {
        let limit_group = self.index.backlogs.get(entry.limit_group);
        (filter.states.is_empty() || filter.states.contains(&entry.state))
            && (filter.kinds.is_empty() || filter.kinds.contains(&limit_group.kind))
            && (filter.queues.is_empty() || filter.queues.contains(&limit_group.queue))
            && filter.due_before.is_none_or(|before| entry.due.is_some_and(|due| due < before))
    }

    pub(crate) fn run_of(&mut self, id: RunId) -> Result<Option<Run>, Fault> {
        match self.active.get(&id) {
            Some(record) => Ok(Some(record.run.clone())),
            None => self.load_run(id),
        }
    }

    fn find_final(
        &mut self,
        filter: &Filter,
        order: ListOrder,
        after: Option<RunId>,
        max: usize,
    ) -> Result<Found, Fault> {
        let mut found = Found::default();
        let none_is_final = !filter.states.is_empty() && !filter.states.iter().any(|state| state.is_final());
        if none_is_final || filter.due_before.is_some() {
            return Ok(found);
        }
        let (mut reads, mut fault) = (0, None);
        let each = &mut |key: &[u8], bytes: &[u8]| {
            // A key that is none of ours is no run: a check of the store tells of it.
            let Some(id) = keys::id_of(key) else { return ControlFlow::Continue(()) };
            reads += 1;
            match read_run(&*self.kv, id, bytes) {
                Ok(run) if filter.matches(&run) => found.ids.push(id),
                Ok(_) => {}
                Err(Fault::Damage(damage)) => found.damaged.push(damaged_run(id, &damage)),
                Err(broken) => {
                    fault = Some(broken);
                    return ControlFlow::Break(());
                }
            }
            if found.ids.len() == max || reads == READS_MAX {
                found.looked_to = Some(id);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        match order {
            ListOrder::OldestFirst => {
                // The next key after that of `after`.
                let from = after.map_or_else(|| vec![keys::FINAL], |id| [&keys::done(id)[..], &[0]].concat());
                self.kv.scan(&[keys::FINAL], &from, each)?;
            }
            ListOrder::NewestFirst => {
                let before = after.map_or_else(|| vec![keys::FINAL + 1], keys::done);
                self.kv.scan_back(&[keys::FINAL], &before, each)?;
            }
        }
        fault.map_or(Ok(found), Err)
    }
}
