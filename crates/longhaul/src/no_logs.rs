//! Stands in for `logs.rs` where the feature is off: the same calls, and nobody listens.

use std::sync::Arc;

use longhaul_core::{Clock, Epoch, LogPage, RunId};
use tokio::sync::Notify;

#[derive(Debug, Clone, Default)]
pub(crate) struct Logs(());

#[derive(Default)]
pub(crate) struct LogBuffer(());

#[expect(clippy::unused_self, reason = "the calls are those of the one that listens")]
impl Logs {
    pub(crate) fn listen(&self, _: RunId, _: Epoch, _: &Arc<dyn Clock>, _: &Arc<Notify>) -> LogBuffer {
        LogBuffer(())
    }
}

#[expect(clippy::unused_self, reason = "the calls are those of the one that listens")]
impl LogBuffer {
    pub(crate) fn is_unwritten(&self) -> bool {
        false
    }

    pub(crate) fn take(&self) -> Vec<LogPage> {
        Vec::new()
    }

    pub(crate) fn put_back(&self, _: Vec<LogPage>) {}
}
