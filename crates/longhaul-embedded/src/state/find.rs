//! Which runs match a filter. Each call reads only so much, so that commits never wait for long.

use std::ops::ControlFlow;

use longhaul_core::{
    RunId, StateKind,
    record::Damage,
    store::{Damaged, Filter, ListOrder},
};

use super::{State, index::Entry, load::read_run};
use crate::{error::Fault, format::keys};

/// Records that one call reads: a few milliseconds.
const READS_MAX: usize = 1000;
/// Entries of the index that one call looks at: a millisecond.
const LOOKS_MAX: usize = 20_000;
/// Some ids that match, in order, and how far was looked; `None`: to the end.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) ids: Vec<RunId>,
    pub(crate) damaged: Vec<Damaged>,
    pub(crate) looked_to: Option<RunId>,
}

/// How a page names a run that cannot be read.
pub(crate) fn damaged_run(id: RunId, damage: &Damage) -> Damaged {
    Damaged { id, why: damage.reason.as_ref().into() }
}

impl State {
    /// Live runs that match, at most `max`.
    pub(crate) fn find_live(
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
        let children = filter.parent.map(|parent| self.children_in(parent, order, after)).transpose()?;
        for (id, entry) in self.candidates(filter, children.as_deref(), order, after) {
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
        children: Option<&'a [RunId]>,
        order: ListOrder,
        after: Option<RunId>,
    ) -> Box<dyn Iterator<Item = (RunId, Entry)> + 'a> {
        if let Some(children) = children {
            return Box::new(children.iter().filter_map(|id| Some((*id, self.index.get(*id)?))));
        }
        match (filter.tags.first(), &filter.states[..]) {
            (Some(tag), _) => self.index.tagged(tag, order, after),
            // A server that starts looks for them, among as many others as there may be.
            (None, [StateKind::Incompatible]) => self.index.parked(order, after),
            (None, _) => self.index.listed(order, after),
        }
    }

    /// The children of a run in this order, those that come after `after`.
    fn children_in(&self, parent: RunId, order: ListOrder, after: Option<RunId>) -> Result<Vec<RunId>, Fault> {
        let mut children = self.children(parent)?;
        children.retain(|id| after.is_none_or(|after| order.compare(after, *id).is_lt()));
        children.sort_unstable_by(|left, right| order.compare(*left, *right));
        Ok(children)
    }

    fn may_match(&self, filter: &Filter, entry: &Entry) -> bool {
        let limit_group = self.index.backlogs.get(entry.limit_group);
        (filter.states.is_empty() || filter.states.contains(&entry.state))
            && (filter.kinds.is_empty() || filter.kinds.contains(&limit_group.kind))
            && (filter.queues.is_empty() || filter.queues.contains(&limit_group.queue))
            && filter.due_before.is_none_or(|before| entry.due.is_some_and(|due| due < before))
    }

    /// Final runs that match, at most `max`.
    pub(crate) fn find_final(
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
            // A key that is none of ours is no run: a check of the store reports it.
            let Some(id) = keys::id_of(key) else { return ControlFlow::Continue(()) };
            reads += 1;
            match read_run(&*self.files.kv, id, bytes) {
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
        if let Some(parent) = filter.parent {
            for id in self.children_in(parent, order, after)? {
                let key = keys::done(id);
                if let Some(bytes) = self.files.kv.get(&key)?
                    && each(&key, &bytes).is_break()
                {
                    break;
                }
            }
            return fault.map_or(Ok(found), Err);
        }
        match order {
            ListOrder::OldestFirst => {
                // The next key after that of `after`.
                let from = after.map_or_else(|| vec![keys::FINAL], |id| [&keys::done(id)[..], &[0]].concat());
                self.files.kv.scan(&[keys::FINAL], &from, each)?;
            }
            ListOrder::NewestFirst => {
                let before = after.map_or_else(|| vec![keys::FINAL + 1], keys::done);
                self.files.kv.scan_back(&[keys::FINAL], &before, each)?;
            }
        }
        fault.map_or(Ok(found), Err)
    }
}
