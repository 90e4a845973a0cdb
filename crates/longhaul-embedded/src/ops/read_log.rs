//! The log of a run.

use std::ops::ControlFlow;

use longhaul_core::{Log, LogRequest, log::gather, record, store::GetError};

use crate::{error::Fault, format::keys, state::State};

pub(crate) fn read_log(store: &mut State, request: &LogRequest) -> Result<Result<Log, GetError>, Fault> {
    let id = request.id;
    if let Err(error) = store.shows(id) {
        return Ok(Err(error.into()));
    }
    if !store.exists(id)? {
        return Ok(Err(GetError::NotFound(id)));
    }
    let mut pages = Vec::new();
    let prefix = keys::logs(id);
    store.files.kv.scan(&prefix, &prefix, &mut |key, bytes| {
        // A damaged page costs its own lines: a log is read when something is wrong.
        match record::read_log(key, bytes) {
            Ok((attempt, page)) => pages.push((attempt.0, page)),
            Err(damage) => tracing::warn!(%damage, "lines of a log are lost"),
        }
        ControlFlow::Continue(())
    })?;
    Ok(Ok(gather(pages, request.attempt, request.from)))
}
