//! The work in flight, and how the rest ended.

use std::{collections::BTreeMap, sync::Arc};

/// The work in flight, and how the rest ended. From [`Background::status`](crate::Background::status).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = longhaul::doc::server();
/// server.spawn("wait", |token| async move { token.cancelled().await })?;
/// let status = server.background().status();
/// assert_eq!(status.running["wait"], 1);
/// assert_eq!((status.ended, status.failed), (0, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BackgroundStatus {
    /// How many pieces of work of each name are in flight.
    pub running: BTreeMap<Arc<str>, usize>,
    /// How many have ended, in whatever way.
    pub ended: u64,
    /// How many of those failed or panicked.
    pub failed: u64,
    /// The latest failure or panic.
    pub last_failure: Option<WorkFailure>,
}

/// Work that failed or panicked.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = longhaul::doc::server();
/// server.spawn("mail", |_token| async { Err::<(), _>("no route to host") })?;
/// server.background().idle().await;
/// assert_eq!(server.background().status().last_failure.unwrap().message, "no route to host");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkFailure {
    /// Its name.
    pub name: Arc<str>,
    /// What went wrong.
    pub message: String,
}
