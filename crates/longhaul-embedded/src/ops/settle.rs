//! How attempts end.

use longhaul_core::store::{SettleError, Settled, Settlement};

use crate::{error::Fault, state::State};

pub(crate) fn settle(store: &mut State, one: Settlement) -> Result<Result<Settled, SettleError>, Fault> {
    store.change(one.id, SettleError::NotFound, |now, run| run.settle(now, one))
}
