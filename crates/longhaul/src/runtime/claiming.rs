//! The claim that is under way. Whoever ends the server can drop it, although another future waits for it: only then
//! does the store give back what it may have claimed already.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
};

use longhaul_core::{
    Store, StoreError,
    store::{ClaimRequest, Claimed},
};

type UnderWay = Pin<Box<dyn Future<Output = Result<Vec<Claimed>, StoreError>> + Send>>;

#[derive(Default)]
pub(super) struct Claiming(Mutex<Option<UnderWay>>);

impl Claiming {
    /// Cancel safe, as the store's claim is.
    pub(super) async fn claim(&self, store: Arc<dyn Store>, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError> {
        *self.lock() = Some(Box::pin(async move { store.claim(request).await }));
        let _dropped_with_this = DropClaim(self);
        poll_fn(|cx| match &mut *self.lock() {
            Some(claim) => claim.as_mut().poll(cx),
            // It was dropped by somebody who ends this server.
            None => Poll::Pending,
        })
        .await
    }

    pub(super) fn drop_claim(&self) {
        let claim = self.lock().take();
        drop(claim);
    }

    fn lock(&self) -> MutexGuard<'_, Option<UnderWay>> {
        // A store's claim that panicked is not polled again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct DropClaim<'a>(&'a Claiming);

impl Drop for DropClaim<'_> {
    fn drop(&mut self) {
        self.0.drop_claim();
    }
}
