//! How long to wait for a store that does not answer.

use std::time::Duration;

use crate::clock;

/// The first wait: a hiccup passes in that time.
const FIRST: Duration = Duration::from_millis(50);
/// The longest: what comes back is noticed within this.
const LONGEST: Duration = Duration::from_secs(5);

/// Waits longer each time.
#[derive(Debug)]
pub(crate) struct ErrorBackoff(Duration);

impl Default for ErrorBackoff {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl ErrorBackoff {
    pub(crate) async fn pause(&mut self) {
        clock::pause(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST);
    }
}
