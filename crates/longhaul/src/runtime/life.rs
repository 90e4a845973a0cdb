//! What others see of the end of a server.

use tokio_util::sync::CancellationToken;

/// How far the end of a server has come, for those who wait on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life {
    /// Nothing is claimed any more. What is shown only while the server lasts ends.
    pub(crate) stopping: CancellationToken,
    /// No attempt executes any more.
    pub(crate) stopped: CancellationToken,
}
