//! The JSON that is shown of services, by the rules of [`json`](longhaul_core::json).

use longhaul_core::{Timestamp, json::time};
use serde::{Serialize, Serializer};

use super::{ServiceError, ServiceInfo, ServiceState};

#[derive(Serialize)]
struct Time(#[serde(with = "time")] Timestamp);

#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    state: &'static str,
    since: Time,
    /// When it starts again, if it waits for that.
    restarts_at: Option<Time>,
    restarts: u64,
    essential: bool,
    last_error: Option<&'a ServiceError>,
    text: String,
}

impl Serialize for ServiceInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, state, since, restarts, last_error, essential } = self;
        let (word, restarts_at) = match state {
            ServiceState::Starting => ("starting", None),
            ServiceState::Running => ("running", None),
            ServiceState::BackingOff { until } => ("backing_off", Some(Time(*until))),
            ServiceState::Stopping => ("stopping", None),
            ServiceState::Failed { .. } => ("failed", None),
            ServiceState::Stopped => ("stopped", None),
        };
        View {
            name,
            state: word,
            since: Time(*since),
            restarts_at,
            restarts: *restarts,
            essential: *essential,
            last_error: last_error.as_ref(),
            text: state.to_string(),
        }
        .serialize(serializer)
    }
}

#[derive(Serialize)]
struct ErrorView<'a> {
    message: &'a str,
    at: Time,
}

impl Serialize for ServiceError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { message, at } = self;
        ErrorView { message, at: Time(*at) }.serialize(serializer)
    }
}
