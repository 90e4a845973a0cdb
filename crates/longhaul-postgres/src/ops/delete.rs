//! Runs are removed.

use longhaul_core::{Event, RunId, StateKind, decide, store::DeleteError};

use super::sweep;
use crate::{
    change::News,
    families::FamilyChanges,
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
            let mut families = FamilyChanges::default();
            let (is_refused, is_ordered) = match row::read(&row)?.1 {
                Ok(kept) => {
                    let run = &kept.stored.run;
                    families.removed(run);
                    (decide(self.now(), run, &Event::Delete).is_err(), run.order_key().is_some())
                }
                Err(_) => (row.try_get::<i16>(7)? == state_number(StateKind::Running), true),
            };
            if is_refused {
                return Ok(Err(DeleteError::Running(id)));
            }
            sweep::remove(&tx, &uuids([id]), &mut families).await?;
            tx.execute("DELETE FROM @unique_key WHERE run = $1", &[&Uuid::from(id)]).await?;
            let mut news = News { runs: vec![id], claims: true, ..News::default() };
            if is_ordered {
                self.remove_turns(&tx, &[id], &mut news).await?;
            }
            Ok(Ok(news))
        })?;
        let news = match answer {
            Ok(news) => News { looks: true, ..news },
            Err(refused) => return Err(refused),
        };
        news.tell(self);
        self.look_if_needed().await?;
        Ok(())
    }
}
