//! What attempts log: pages, written in place.

use longhaul_core::{
    Epoch,
    limits::LOG_PAGES_MAX,
    record::write_log,
    store::{CheckpointError, LogPages},
};

use crate::{error::Fault, format::keys, state::State};

pub(crate) fn log(store: &mut State, one: LogPages) -> Result<Result<(), CheckpointError>, Fault> {
    let LogPages { id, epoch, pages } = one;
    let Some(record) = store.take(id)? else { return Ok(Err(CheckpointError::NotFound(id))) };
    let attempt = record.logging_attempt(epoch);
    store.put_back(record);
    let attempt = match attempt {
        Ok(attempt) => Epoch(attempt),
        Err(lost) => return Ok(Err(lost)),
    };
    store.room(pages.len())?;
    for page in pages {
        let key = keys::log(id, attempt, page.number);
        let value = write_log(&key, attempt, page);
        store.files.batch.put(key, value);
    }
    Ok(Ok(()))
}

/// More pages than a ring has would not fit into one batch.
pub(crate) fn check(pages: &[LogPages]) {
    let most = pages.iter().map(|one| one.pages.len()).max().unwrap_or(0);
    assert!(most <= LOG_PAGES_MAX as usize, "up to {LOG_PAGES_MAX} pages of an attempt are kept, not {most}");
}
