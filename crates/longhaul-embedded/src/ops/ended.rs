//! The ends of runs, in the order of the batches that made them final.

use std::ops::ControlFlow;

use longhaul_core::{
    RunId,
    record::Damage,
    store::{Damaged, EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun},
};

use crate::{
    error::Fault,
    format::{keys, list},
    state::{State, load::read_run},
};

pub(crate) fn ended(store: &State, request: &EndedRequest) -> Result<Result<EndedPage, EndedError>, Fault> {
    let EndedRequest { after, limit, .. } = *request;
    let removed = store.ends.removed();
    if after.is_overtaken(removed) {
        return Ok(Err(EndedError::Overtaken { resume: EndedCursor { known_removed: removed, ..after } }));
    }
    let known_removed = after.known_removed.max(removed);
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
    let latest = EndedCursor { known_removed, ..EndedCursor::after_all_of(store.ends.last()) };
    let opened = store.ends.opened();
    let mut page = EndedPage { runs: Vec::new(), damaged: Vec::new(), next: latest.max(after), opened, latest };
    for (position, id) in ends.into_iter().take(limit) {
        let cursor = EndedCursor { position, run: id, known_removed };
        page.next = cursor;
        let Some(bytes) = store.files.kv.get(&keys::done(id))? else {
            page.damaged.push(Damaged { id, why: "it is listed as ended, and is not there".into() });
            continue;
        };
        match read_run(&*store.files.kv, id, &bytes) {
            Ok(run) => {
                page.runs.push(EndedRun { id, kind: run.kind, state: run.state.kind(), at: run.since, cursor });
            }
            Err(Fault::Damage(damage)) => page.damaged.push(Damaged { id, why: damage.reason.as_ref().into() }),
            Err(fault) => return Err(fault),
        }
    }
    Ok(Ok(page))
}
