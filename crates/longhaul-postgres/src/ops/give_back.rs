//! Claims that never reached who asked for them go back.

use std::sync::{Arc, PoisonError};

use longhaul_core::{RunId, store::Claimed};

use super::write::Write;
use crate::handle::Inner;

impl Inner {
    /// Gives back claims that never reached who asked for them. Later claims, and the server's leave, wait for it.
    pub(super) fn give_back(self: &Arc<Self>, claimed: Vec<Claimed>) {
        let inner = Arc::clone(self);
        let task = tokio::spawn(async move {
            let returned: Vec<Write> = claimed.iter().map(|one| Write::returned(one.run.id, one.run.epoch)).collect();
            let ids: Vec<RunId> = claimed.iter().map(|one| one.run.id).collect();
            if let Err(error) = inner.write(&returned).await {
                tracing::warn!(runs = ?ids, %error, "claims could not be given back: it is tried again before the next claim");
                for id in ids {
                    inner.held.disown(id);
                }
                inner.claim_failed();
            }
        });
        self.returns.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// What is on its way back has come back.
    pub(crate) async fn returned(&self) {
        loop {
            let task = self.returns.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match task {
                // It panics only where its runtime does.
                Some(task) => _ = task.await,
                None => return,
            }
        }
    }
}
