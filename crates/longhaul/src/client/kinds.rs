//! The kinds that a store knows, without their code.

use longhaul_core::StoreError;

use super::Client;
use crate::kind_info::KindInfo;

impl Client {
    /// What is known of each kind that a server has registered, by name; former names are listed too. It comes from the
    /// store, so it needs no code of the kinds, and stays when the servers are gone.
    ///
    /// A server registers its kinds when it starts. Where servers differ, the newest [version](crate::Task::VERSION)
    /// of a kind is kept, and of the same version the latest.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn kinds(&self) -> Result<Vec<KindInfo>, StoreError> {
        Ok(self.store().kinds().await?.into_iter().map(KindInfo::of).collect())
    }
}
