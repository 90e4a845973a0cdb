//! Why background work was refused.

use std::sync::Arc;

/// Background work was not started.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use longhaul::SpawnError;
/// use std::time::Duration;
///
/// let server = longhaul::doc::server();
/// let background = server.background();
/// server.shutdown(Duration::from_secs(5)).await;
/// let refused = background.spawn("mail", |_token| async {}).unwrap_err();
/// assert_eq!(refused, SpawnError::ShuttingDown { name: "mail".into() });
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The server is shutting down, or has shut down.
    #[error(
        "`{name}` was not begun, because the server is shutting down: what has to happen all the same is a run; \
         enqueue it"
    )]
    ShuttingDown {
        /// The name of the work.
        name: Arc<str>,
    },
    /// As much work is in flight as allowed.
    #[error(
        "`{name}` was not begun, because {max} others are in flight: try later, raise `background_max`, or enqueue a \
         run, which waits in the store"
    )]
    Full {
        /// The name of the work.
        name: Arc<str>,
        /// The limit.
        max: usize,
    },
    /// As many threads are busy as allowed.
    #[error(
        "`{name}` was not begun, because {max} others block a thread each: try later, raise \
         `background_blocking_max`, or enqueue a run, which waits in the store"
    )]
    FullOfThreads {
        /// The name of the work.
        name: Arc<str>,
        /// The limit.
        max: usize,
    },
    /// The operating system could not start a thread.
    #[error("`{name}` was not begun, because the operating system gave no thread: {reason}")]
    NoThread {
        /// The name of the work.
        name: Arc<str>,
        /// Its error message.
        reason: String,
    },
}
