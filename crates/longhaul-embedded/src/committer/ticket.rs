//! Claims on their way to the caller.

use std::{mem, sync::Arc};

use longhaul_core::{Epoch, RunId, store::Claimed};

/// Takes claims back.
pub(crate) trait GiveBack: Send + Sync {
    /// These claims did not reach the caller who asked for them. It does not wait.
    fn give_back(&self, held: Vec<(RunId, Epoch)>);
}

/// Claims that give themselves back if they do not arrive.
pub(crate) struct Ticket {
    claimed: Vec<Claimed>,
    to: Arc<dyn GiveBack>,
}

impl Ticket {
    pub(super) fn new(claimed: Vec<Claimed>, to: Arc<dyn GiveBack>) -> Self {
        Self { claimed, to }
    }

    /// They arrived.
    pub(crate) fn redeem(mut self) -> Vec<Claimed> {
        mem::take(&mut self.claimed)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.claimed.is_empty() {
            self.to.give_back(self.claimed.iter().map(|claimed| (claimed.run.id, claimed.run.epoch)).collect());
        }
    }
}
