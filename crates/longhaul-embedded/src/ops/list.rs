//! Runs by page.

use longhaul_core::{
    Envelope, RunId,
    store::{Page, PageRequest},
};

use crate::{
    error::Fault,
    state::{State, find::damaged_run},
};

/// Bytes of values in one answer.
const WEIGHT_MAX: usize = 8 << 20;

pub(crate) fn list(store: &mut State, request: &PageRequest) -> Result<Page, Fault> {
    let PageRequest { filter, order, after, limit } = request;
    // One more, to know whether there is a next page.
    let live = store.find_live(filter, *order, *after, limit + 1)?;
    let ended = store.find_final(filter, *order, *after, limit + 1)?;
    let looked_to = [live.looked_to, ended.looked_to].into_iter().flatten();
    let horizon = looked_to.min_by(|left, right| order.compare(*left, *right));
    let within = |id: RunId, last: Option<RunId>| last.is_none_or(|last| order.compare(id, last).is_le());
    let mut ids = [live.ids, ended.ids].concat();
    ids.sort_unstable_by(|left, right| order.compare(*left, *right));
    ids.retain(|id| within(*id, horizon) && store.shows(*id).is_ok());
    let mut damaged = [live.damaged, ended.damaged].concat();
    let mut page = Page { next: horizon, ..Page::default() };
    let mut weight = 0;
    for id in ids {
        if page.runs.len() == *limit || weight > WEIGHT_MAX {
            page.next = page.runs.last().map(|last| last.run.id);
            break;
        }
        match store.snapshot(id) {
            Ok(Some(snapshot)) => {
                weight += snapshot.metadata.len()
                    + snapshot.execution_metadata.as_ref().map_or(0, Envelope::len)
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
