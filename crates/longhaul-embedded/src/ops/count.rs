//! How many runs match a filter, a part of them in each call.

use longhaul_core::{
    RunId,
    store::{Filter, ListOrder},
};

use crate::{error::Fault, state::State};

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

pub(crate) fn count(store: &mut State, request: &CountRequest) -> Result<Counted, Fault> {
    if let Some(count) = store.index.statistics.counts.count(&request.filter) {
        return Ok(Counted { count, next: None });
    }
    let (filter, order) = (&request.filter, ListOrder::OldestFirst);
    let after = match request.from {
        CountFrom::Final(after) => {
            let found = store.find_final(filter, order, after, usize::MAX)?;
            let next = found.looked_to.map(|last| CountFrom::Final(Some(last)));
            return Ok(Counted { count: found.ids.len() as u64, next });
        }
        CountFrom::Live(after) => Some(after),
        CountFrom::Start => None,
    };
    let found = store.find_live(filter, order, after, usize::MAX)?;
    let mut count = found.ids.len() as u64;
    if let Some(last) = found.looked_to {
        return Ok(Counted { count, next: Some(CountFrom::Live(last)) });
    }
    // In the same call, so that small stores are counted at one moment.
    let found = store.find_final(filter, order, None, usize::MAX)?;
    count += found.ids.len() as u64;
    Ok(Counted { count, next: found.looked_to.map(|last| CountFrom::Final(Some(last))) })
}
