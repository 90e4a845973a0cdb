//! A store that makes every checkpoint, and every child that is enqueued, an await that waits, before and after it took
//! effect.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use longhaul_core::{Clock, Store};
use longhaul_testkit::MemoryStore;

pub(super) struct Yielding {
    pub(super) inner: Arc<MemoryStore>,
    /// Checkpoints that were kept.
    pub(super) kept: Arc<AtomicUsize>,
}

macro_rules! pass {
    ($self:ident, $call:ident, checkpoint($checkpoints:ident)) => {{
        let saves = $checkpoints.iter().filter(|checkpoint| checkpoint.execution_metadata.is_some()).count();
        tokio::task::yield_now().await;
        let answer = $self.inner.checkpoint($checkpoints).await;
        $self.kept.fetch_add(saves, Ordering::AcqRel);
        tokio::task::yield_now().await;
        answer
    }};
    ($self:ident, $call:ident, insert($runs:ident)) => {{
        tokio::task::yield_now().await;
        let answer = $self.inner.insert($runs).await;
        tokio::task::yield_now().await;
        answer
    }};
    ($self:ident, $call:ident, $method:ident($($arg:ident),*)) => { $self.inner.$method($($arg),*).await };
}

longhaul_core::forward_store!(Yielding, pass);

#[async_trait]
impl Store for Yielding {
    fn clock(&self) -> Arc<dyn Clock> {
        self.inner.clock()
    }

    async fn close(&self) {
        self.inner.close().await;
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }
}
