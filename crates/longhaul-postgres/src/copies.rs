//! The store as one that can be copied.

use async_trait::async_trait;
use longhaul_core::{
    StoreError,
    store::copy::{CopyCursor, CopyItem, CopyPage, CopyStore},
};

use crate::store::PostgresStore;

#[async_trait]
impl CopyStore for PostgresStore {
    async fn copy_out(&self, from: Option<CopyCursor>) -> Result<CopyPage, StoreError> {
        self.inner.copy_out(from).await
    }

    async fn copy_in(&self, items: Vec<CopyItem>) -> Result<usize, StoreError> {
        self.inner.copy_in(items).await
    }
}
