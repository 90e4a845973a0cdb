//! A suspended run goes on, or will.

use longhaul_core::store::{Proceed, ProceedError, Proceeded};

use crate::{error::Fault, state::State};

pub(crate) fn proceed(store: &mut State, proceed: Proceed) -> Result<Result<Proceeded, ProceedError>, Fault> {
    store.change(proceed.id, ProceedError::NotFound, |now, run| run.proceed(now, proceed))
}
