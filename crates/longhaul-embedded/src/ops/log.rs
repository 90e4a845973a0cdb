//! What attempts say: pages of their logs, written in place and read by run.

use std::ops::ControlFlow;

use longhaul_core::{
    Epoch, Log, LogRequest, RunId,
    limits::LOG_PAGES_MAX,
    log::gather,
    record::{read_log, write_log},
    store::{CheckpointError, GetError, LogPages},
};

use crate::{committer::Committer, engine::kv::Key, error::Fault, format::keys};

impl Committer {
    pub(crate) fn log(&mut self, one: LogPages) -> Result<Result<(), CheckpointError>, Fault> {
        let LogPages { id, epoch, pages } = one;
        let Some(record) = self.take(id)? else { return Ok(Err(CheckpointError::NotFound(id))) };
        let (latest, attempt) = (record.run.epoch, Epoch(record.run.attempts));
        self.put_back(record);
        if latest != epoch {
            return Ok(Err(CheckpointError::EpochLost { id, epoch }));
        }
        self.room(pages.len())?;
        for page in pages {
            let key = keys::log(id, attempt, page.number);
            let value = write_log(&key, attempt, page);
            self.batch.put(key, value);
        }
        Ok(Ok(()))
    }

    pub(crate) fn read_log(&mut self, request: &LogRequest) -> Result<Result<Log, GetError>, Fault> {
        let id = request.id;
        if let Err(error) = self.shows(id) {
            return Ok(Err(error.into()));
        }
        if !self.exists(id)? {
            return Ok(Err(GetError::NotFound(id)));
        }
        let mut pages = Vec::new();
        let prefix = keys::logs(id);
        self.kv.scan(&prefix, &prefix, &mut |key, bytes| {
            // A damaged page costs its own lines: a log is read when something is wrong.
            match read_log(key, bytes) {
                Ok(page) => pages.push(page),
                Err(damage) => tracing::warn!(%damage, "lines of a log are lost"),
            }
            ControlFlow::Continue(())
        })?;
        Ok(Ok(gather(pages, request.attempt, request.from)))
    }

    /// The keys of all pages of a run that is to be erased.
    pub(crate) fn log_keys(&mut self, id: RunId) -> Result<Vec<Key>, Fault> {
        let prefix = keys::logs(id);
        // Pages in the making are not seen by a scan.
        if self.batch.puts_under(&prefix) {
            self.commit()?;
        }
        let mut found = Vec::new();
        self.kv.scan(&prefix, &prefix, &mut |key, _| {
            found.push(key.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}

/// More pages than a ring has would not fit into one batch.
pub(crate) fn check(pages: &[LogPages]) {
    let most = pages.iter().map(|one| one.pages.len()).max().unwrap_or(0);
    assert!(most <= LOG_PAGES_MAX as usize, "up to {LOG_PAGES_MAX} pages of an attempt are kept, not {most}");
}
