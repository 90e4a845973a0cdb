//! The ends of runs, in the order of the batches that made them final.

use std::ops::ControlFlow;

use longhaul_core::{
    RunId,
    record::Damage,
    store::{EndedError, EndedPage, EndedRequest},
};

use crate::{
    error::Fault,
    format::{keys, list},
    state::{State, load::read_run},
};

pub(crate) fn ended(store: &State, request: &EndedRequest) -> Result<Result<EndedPage, EndedError>, Fault> {
    let EndedRequest { after, limit, .. } = *request;
    let mut page = match store.ends.page(after) {
        Ok(page) => page,
        Err(overtaken) => return Ok(Err(overtaken)),
    };
    let mut ends: Vec<(u64, RunId)> = Vec::new();
    let mut found = Ok(());
    store.files.kv.scan(&[keys::ENDS], &keys::ends(after.position), &mut |key, value| {
        let read = keys::ends_of(key)
            .ok_or_else(|| Damage::of("the key of a list of ends", "it has no position"))
            .and_then(|position| Ok((position, list::read_list(value)?.ids)));
        match read {
            Ok((position, ids)) => {
                let ends_here = ids.into_iter().map(|id| (position, id));
                ends.extend(ends_here.filter(|end| *end > (after.position, after.run)));
            }
            Err(damage) => found = Err(damage),
        }
        if found.is_err() || ends.len() >= limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    found?;
    for (position, id) in ends.into_iter().take(limit) {
        let Some(bytes) = store.files.kv.get(&keys::done(id))? else {
            page.push_damaged(position, id, "it is listed as ended, and is not there");
            continue;
        };
        match read_run(&*store.files.kv, id, &bytes) {
            Ok(run) => page.push(position, (id, run.kind), (run.state.kind(), run.since)),
            Err(Fault::Damage(damage)) => page.push_damaged(position, id, &damage.reason),
            Err(fault) => return Err(fault),
        }
    }
    Ok(Ok(page))
}
