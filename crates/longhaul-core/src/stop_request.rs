//! What a running attempt can be asked to do.

/// What an attempt that runs is asked to do.
///
/// ```
/// use longhaul_core::StopRequest;
///
/// let request = StopRequest::Cancel { reason: Some("too dear".into()) };
/// assert_eq!(request.reason(), Some("too dear"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive__enums,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub enum StopRequest {
    /// End, for good.
    Cancel {
        /// Why.
        reason: Option<Box<str>>,
    },
    /// Stop, and wait for a proceed.
    Suspend {
        /// Why.
        reason: Option<Box<str>>,
    },
}

impl StopRequest {
    /// Why it was asked.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Cancel { reason } | Self::Suspend { reason } => reason.as_deref(),
        }
    }
}
