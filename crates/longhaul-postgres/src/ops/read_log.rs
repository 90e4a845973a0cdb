//! What attempts said is read.

use longhaul_core::{Log, LogRequest, StoreError, log::gather, record::read_log, store::GetError};

use super::log::key;
use crate::{error::Fault, handle::Inner, id::Uuid};

impl Inner {
    pub(crate) async fn read_log(&self, request: &LogRequest) -> Result<Log, GetError> {
        self.ensure_open()?;
        let LogRequest { id, attempt, from } = *request;
        let session = self.session().await?;
        let rows = session
            .query(
                "SELECT l.attempt, l.page, l.body FROM @run r LEFT JOIN @log_page l ON l.run = r.id WHERE r.id = $1",
                &[&Uuid::from(id)],
            )
            .await
            .map_err(Fault::into_store)?;
        if rows.is_empty() {
            return Err(GetError::NotFound(id));
        }
        let mut pages = Vec::new();
        for row in &rows {
            let Some(attempt) = row.get::<Option<i16>>(0) else { continue };
            let at = (attempt as u8, row.get::<i16>(1) as u8);
            let (attempt, page) = read_log(&key(id, at), row.get(2)).map_err(StoreError::from)?;
            pages.push((attempt.0, page));
        }
        Ok(gather(pages, attempt, from))
    }
}
