//! Runs by page.

use longhaul_core::{
    Envelope, RunId, Snapshot,
    store::{Damaged, HeaderPage, Page, PageRequest, RunHeader},
};

use crate::{
    error::Fault,
    state::{State, find::damaged_run},
};

/// Bytes of values in one answer.
const WEIGHT_MAX: usize = 8 << 20;

pub(crate) fn list(store: &mut State, request: &PageRequest) -> Result<Page, Fault> {
    let weighed = |store: &mut State, id| {
        Ok(store.snapshot(id)?.map(|snapshot| {
            let inbox = snapshot.run.inbox().messages.iter().map(|message| message.value.len()).sum::<usize>();
            let execution_metadata = snapshot.execution_metadata.as_ref().map_or(0, Envelope::len);
            (snapshot.metadata.len() + execution_metadata + inbox, snapshot)
        }))
    };
    let Listed { runs, damaged, next } = listed(store, request, |snapshot: &Snapshot| snapshot.run.id, weighed)?;
    Ok(Page { runs, damaged, next })
}

pub(crate) fn list_headers(store: &mut State, request: &PageRequest) -> Result<HeaderPage, Fault> {
    let header = |store: &mut State, id| Ok(store.run_of(id)?.map(|run| (0, RunHeader::of(&run))));
    let Listed { runs, damaged, next } = listed(store, request, |header: &RunHeader| header.id, header)?;
    Ok(HeaderPage { runs, damaged, next })
}

/// Those of these runs that can be read.
pub(crate) fn headers(store: &mut State, ids: &[RunId]) -> Result<Vec<RunHeader>, Fault> {
    let mut headers = Vec::new();
    for id in ids.iter().copied() {
        if store.shows(id).is_err() {
            continue;
        }
        match store.run_of(id) {
            Ok(run) => headers.extend(run.as_ref().map(RunHeader::of)),
            Err(Fault::Damage(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(headers)
}

/// Some runs, in the order that was asked for; see [`Page`].
struct Listed<T> {
    runs: Vec<T>,
    damaged: Vec<Damaged>,
    next: Option<RunId>,
}

/// A page of what `read` returns for each run, with its weight.
fn listed<T>(
    store: &mut State,
    request: &PageRequest,
    id_of: impl Fn(&T) -> RunId,
    read: impl Fn(&mut State, RunId) -> Result<Option<(usize, T)>, Fault>,
) -> Result<Listed<T>, Fault> {
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
    let (mut runs, mut next, mut weight) = (Vec::new(), horizon, 0);
    for id in ids {
        if runs.len() == *limit || weight > WEIGHT_MAX {
            next = runs.last().map(&id_of);
            break;
        }
        match read(store, id) {
            Ok(Some((bytes, run))) => {
                weight += bytes;
                runs.push(run);
            }
            Ok(None) => {}
            Err(Fault::Damage(damage)) => damaged.push(damaged_run(id, &damage)),
            Err(fault) => return Err(fault),
        }
    }
    damaged.retain(|one| within(one.id, next));
    damaged.sort_unstable_by(|left, right| order.compare(left.id, right.id));
    Ok(Listed { runs, damaged, next })
}
