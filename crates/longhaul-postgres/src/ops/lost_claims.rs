//! A claim whose answer was lost may have been committed: then this server holds runs that it does not know of.

use std::sync::atomic::Ordering;

use longhaul_core::{RunId, ServerId, StoreError};

use super::{servers::HELD, write::Write};
use crate::{error::Fault, handle::Inner, id::Uuid, row, session::transact};

impl Inner {
    /// A claim failed. Nobody knows yet whether it was committed.
    pub(crate) fn claim_failed(&self) {
        self.failed_claims.fetch_add(1, Ordering::AcqRel);
    }

    /// Gives back what this server holds and does not know of. It lives, so nobody would take these runs away. If it is
    /// dropped before its end, the next call does it again.
    pub(crate) async fn return_lost_claims(&self, server: ServerId) -> Result<(), StoreError> {
        let failed = self.failed_claims.load(Ordering::Acquire);
        if self.looked_after.load(Ordering::Acquire) != failed {
            self.return_unknown(server).await?;
            self.looked_after.store(failed, Ordering::Release);
        }
        Ok(())
    }

    async fn return_unknown(&self, server: ServerId) -> Result<(), StoreError> {
        // No claim of this handle is on its way meanwhile.
        let turn = self.turn.lock().await;
        let me = Uuid::from(server);
        let held = transact!(self, begin, tx => {
            // A claim has this row locked until it is committed or rolled back, also where nobody waits for it any more.
            tx.query("SELECT 1 FROM @server WHERE id = $1 FOR UPDATE", &[&me]).await?;
            tx.query(HELD, &[&me]).await
        })?;
        let mut lost = Vec::new();
        for row in &held {
            let (id, kept) = row::read(row).map_err(Fault::into_store)?;
            if let Some(kept) = kept.ok().filter(|_| self.held.get(id).is_none()) {
                lost.push(Write::returned(id, kept.stored.run.epoch));
            }
        }
        drop(turn);
        if lost.is_empty() {
            return Ok(());
        }
        let ids: Vec<RunId> = lost.iter().map(Write::id).collect();
        tracing::warn!(runs = ?ids, "a claim was committed whose answer was lost: its runs are given back");
        self.write(&lost).await.map(drop)
    }
}
