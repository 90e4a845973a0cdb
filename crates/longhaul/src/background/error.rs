//! Why work is not begun.

use std::sync::Arc;

/// Why work was not begun.
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
    /// The server is shutting down, or has.
    #[error(
        "`{name}` was not begun, because the server is shutting down: what has to happen all the same is a run; \
         enqueue it"
    )]
    ShuttingDown {
        /// What it would have been called.
        name: Arc<str>,
    },
    /// As much is in flight as may be.
    #[error(
        "`{name}` was not begun, because {max} others are in flight: try later, raise `background_max`, or enqueue a \
         run, which waits in the store"
    )]
    Full {
        /// What it would have been called.
        name: Arc<str>,
        /// The bound.
        max: usize,
    },
    /// As many threads are at work as may be.
    #[error(
        "`{name}` was not begun, because {max} others block a thread each: try later, raise \
         `background_blocking_max`, or enqueue a run, which waits in the store"
    )]
    FullOfThreads {
        /// What it would have been called.
        name: Arc<str>,
        /// The bound.
        max: usize,
    },
    /// The operating system gave no thread.
    #[error("`{name}` was not begun, because the operating system gave no thread: {reason}")]
    NoThread {
        /// What it would have been called.
        name: Arc<str>,
        /// What it said.
        reason: String,
    },
}
