//! Suspended runs go on.

use longhaul_core::store::{Proceed, ProceedError, Proceeded};

use crate::handle::Inner;

impl Inner {
    pub(crate) async fn proceed(&self, proceed: &Proceed) -> Result<Proceeded, ProceedError> {
        self.change(proceed.id, ProceedError::NotFound, |now, run| run.proceed(now, proceed.clone())).await
    }
}
