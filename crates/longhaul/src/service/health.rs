//! How services are.

use std::{fmt, sync::Arc};

use longhaul_core::Timestamp;

/// How a service is. From [`Services`](crate::Services).
///
/// ```
/// use longhaul::{ServiceInfo, ServiceState};
///
/// fn is_well(service: &ServiceInfo) -> bool {
///     matches!(service.state, ServiceState::Running) || !service.essential
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceInfo {
    /// What it is called.
    pub name: Arc<str>,
    /// What it does now.
    pub state: ServiceState,
    /// Since when.
    pub since: Timestamp,
    /// How often it was started again.
    pub restarts: u64,
    /// What went wrong last. It stays when the service is well again.
    pub last_error: Option<ServiceError>,
    /// Whether the server is of no use without it.
    pub essential: bool,
}

/// What a service does now.
///
/// ```
/// assert_eq!(longhaul::ServiceState::Running.to_string(), "running");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceState {
    /// It waits for those before it, or its `start` has not returned yet.
    Starting,
    /// Its `run` has not returned.
    Running,
    /// It starts again at this time.
    BackingOff {
        /// By the server's clock.
        until: Timestamp,
    },
    /// It was told to stop, and has not yet.
    Stopping,
    /// It ended badly, and is not started again.
    Failed {
        /// What went wrong.
        message: String,
    },
    /// It ended, and is not started again: it was told to stop, or it was done.
    Stopped,
}

impl fmt::Display for ServiceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Running => f.write_str("running"),
            Self::BackingOff { until } => write!(f, "backing off until {until}"),
            Self::Stopping => f.write_str("stopping"),
            Self::Failed { message } => write!(f, "failed: {message}"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// What went wrong with a service, and when.
///
/// ```
/// use longhaul::ServiceInfo;
///
/// fn told(service: &ServiceInfo) -> String {
///     service.last_error.as_ref().map(|error| format!("{}: {}", error.at, error.message)).unwrap_or_default()
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceError {
    /// What.
    pub message: String,
    /// When, by the server's clock.
    pub at: Timestamp,
}

/// An essential service has failed for good.
///
/// ```
/// # async fn with_other_things_to_wait_for(server: longhaul::Longhaul) {
/// let failed = server.service_failed().await;
/// eprintln!("{failed}"); // the essential service `mails` has failed for good: …
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the essential service `{name}` has failed for good: {message}; mend that and start the server again, or let the \
     service's `Restart` try for longer"
)]
#[non_exhaustive]
pub struct ServiceFailed {
    /// Which.
    pub name: Arc<str>,
    /// What went wrong last.
    pub message: String,
}
