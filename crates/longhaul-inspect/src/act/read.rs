//! Parts of requests.

use longhaul::{Label, Timestamp};
use serde::Deserialize;

use crate::InspectError;

/// RFC 3339, or nothing.
pub(super) fn optional_time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    struct Time(#[serde(with = "longhaul::json::time")] Timestamp);
    Ok(Option::<Time>::deserialize(deserializer)?.map(|Time(at)| at))
}

/// RFC 3339.
pub(super) fn needed_time<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    longhaul::json::time::deserialize(deserializer)
}

/// Labels as the store has them.
pub(super) fn labels(requires: &[String]) -> Result<Vec<Label>, InspectError> {
    requires.iter().map(|label| Label::new(label).map_err(|error| InspectError::invalid("requires", error))).collect()
}
