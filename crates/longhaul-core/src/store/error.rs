//! What can go wrong with a store, whatever is asked of it.

use std::{sync::Arc, time::Duration};

/// The store itself failed: whether the call took effect is not known, unless the variant says so.
///
/// ```
/// use longhaul_core::{RunId, store::StoreError};
///
/// let error = StoreError::TimedOut { call: "claim", after: std::time::Duration::from_secs(30) };
/// assert!(error.to_string().contains("did not answer `claim` within 30s"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum StoreError {
    /// It does not answer now; it may later.
    #[error("the store is not available: {reason}")]
    Unavailable {
        /// What it, or the way to it, said.
        reason: Arc<str>,
    },
    /// It did not answer in time.
    #[error("the store did not answer `{call}` within {after:?}")]
    TimedOut {
        /// Which call.
        call: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// It cannot write any more until it is opened anew. What it acknowledged before is safe.
    #[error("the store takes no more writes: {reason}. {remedy}")]
    Broken {
        /// What happened first.
        reason: Arc<str>,
        /// What to do.
        remedy: Arc<str>,
    },
    /// Something that was read is not what was written.
    #[error("{what} in the store is damaged: {reason}. The rest stays readable; see the guide, `Operating the store`")]
    Corrupt {
        /// Which record.
        what: Arc<str>,
        /// What is wrong with it.
        reason: Arc<str>,
    },
    /// It was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same call may work later, without anyone doing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::TimedOut { .. })
    }
}
