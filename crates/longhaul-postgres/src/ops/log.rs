//! What attempts said: a ring of pages for each run.

use longhaul_core::{
    Epoch, RunId, StoreError,
    log::place,
    record::write_log,
    store::{CheckpointError, LogPages},
};

use crate::{
    handle::Inner,
    id::{Uuid, uuids},
    row,
    session::transact,
};

/// What the checksum of a page covers besides the page.
pub(super) fn key(id: RunId, (attempt, page): (u8, u8)) -> [u8; 18] {
    let mut key = [0; 18];
    key[..16].copy_from_slice(id.as_bytes());
    key[16..].copy_from_slice(&[attempt, page]);
    key
}

impl Inner {
    pub(crate) async fn log(&self, all: &[LogPages]) -> Result<Vec<Result<(), CheckpointError>>, StoreError> {
        self.ensure_open()?;
        transact!(self, begin_async, tx => {
            // They must not be removed meanwhile.
            let rows = tx.query(
                concat!("SELECT ", row::columns!(), " FROM @run r WHERE r.id = ANY($1) ORDER BY r.id FOR KEY SHARE"),
                &[&uuids(all.iter().map(|one| one.id))],
            ).await?;
            let mut runs = std::collections::HashMap::new();
            for row in &rows {
                let stored = row::read_whole(row)?.stored;
                runs.insert(stored.run.id, stored);
            }
            let mut answers = Vec::with_capacity(all.len());
            for LogPages { id, epoch, pages } in all {
                let Some(stored) = runs.get(id) else {
                    answers.push(Err(CheckpointError::NotFound(*id)));
                    continue;
                };
                let attempt = match stored.logging_attempt(*epoch) {
                    Ok(attempt) => attempt,
                    Err(lost) => {
                        answers.push(Err(lost));
                        continue;
                    }
                };
                for page in pages {
                    let at = place(attempt, page.number);
                    tx.execute(
                        "INSERT INTO @log_page (run, attempt, page, body) VALUES ($1, $2, $3, $4) \
                         ON CONFLICT (run, attempt, page) DO UPDATE SET body = excluded.body",
                        &[&Uuid::from(*id), &i16::from(at.0), &i16::from(at.1), &write_log(&key(*id, at), Epoch(attempt), page.clone())],
                    ).await?;
                }
                answers.push(Ok(()));
            }
            Ok(answers)
        })
    }
}
