//! Runs are removed.

use longhaul_core::{Event, RunId, StateKind, decide, store::DeleteError};

use super::sweep;
use crate::{
    change::News,
    handle::Inner,
    id::{Uuid, uuids},
    row::{self, state_number},
    session::transact,
};

impl Inner {
    /// A run that cannot be read is removed too: nothing can be decided of it, but its row says whether it runs.
    pub(crate) async fn delete(&self, id: RunId) -> Result<(), DeleteError> {
        self.ensure_open()?;
        let answer = transact!(self, begin, tx => {
            let select = concat!("SELECT ", row::columns!(), ", r.state FROM @run r WHERE r.id = $1 FOR UPDATE");
            let Some(row) = tx.query_opt(select, &[&Uuid::from(id)]).await? else {
                return Ok(Err(DeleteError::NotFound(id)));
            };
            let is_refused = match row::read(&row)?.1 {
                Ok(kept) => decide(self.now(), &kept.stored.run, &Event::Delete).is_err(),
                Err(_) => row.try_get::<_, i16>(7)? == state_number(StateKind::Running),
            };
            if is_refused {
                return Ok(Err(DeleteError::Running(id)));
            }
            sweep::remove(&tx, &uuids([id])).await?;
            tx.execute("DELETE FROM @unique_key WHERE run = $1", &[&Uuid::from(id)]).await?;
            Ok(Ok(()))
        })?;
        if answer.is_ok() {
            News { runs: vec![id], claims: true, ..News::default() }.tell(self);
        }
        answer
    }
}
