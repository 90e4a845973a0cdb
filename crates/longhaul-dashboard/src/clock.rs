//! The one place that sleeps.

use std::time::Duration;

/// Waits. Only for what is looked at again and again: nothing is decided by it.
#[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
pub(crate) async fn pause(of: Duration) {
    tokio::time::sleep(of).await;
}
