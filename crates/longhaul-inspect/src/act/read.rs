//! Parts of requests.

use std::collections::BTreeMap;

use longhaul::{Label, Queue, ScheduleName, Tag, Timestamp};
use serde::Deserialize;

use crate::InspectError;

/// How the keys of the tags begin that longhaul gives: a new run cannot be given one.
pub const RESERVED_TAGS: &str = "longhaul.";

/// A queue as somebody has named it.
pub(super) fn queue(name: &str) -> Result<Queue, InspectError> {
    check_address("queue", name)?;
    Queue::new(name).map_err(|error| InspectError::invalid("queue", error))
}

/// The name of a new schedule.
pub(super) fn schedule_name(name: &str) -> Result<ScheduleName, InspectError> {
    check_address("name", name)?;
    if name == "new" {
        return Err(InspectError::invalid("name", "`new` is the address of the form for a new one: take another name"));
    }
    ScheduleName::new(name).map_err(|error| InspectError::invalid("name", error))
}

/// A name is a part of an address, and a browser leaves these out of it.
fn check_address(field: &str, name: &str) -> Result<(), InspectError> {
    if matches!(name, "." | "..") {
        let why = format!("`{name}` cannot stand in an address: take another name");
        return Err(InspectError::invalid(field, why));
    }
    Ok(())
}

/// Tags as somebody has said them. Those that longhaul gives say where a run comes from, and what it is called.
pub(super) fn tags(said: &BTreeMap<String, String>) -> Result<Vec<Tag>, InspectError> {
    let tag = |(key, value): (&String, &String)| {
        if key.starts_with(RESERVED_TAGS) {
            let why = format!("`{key}`: keys that begin with `{RESERVED_TAGS}` are longhaul's own");
            return Err(InspectError::invalid("tags", why));
        }
        Tag::new(key, value).map_err(|error| InspectError::invalid("tags", error))
    };
    said.iter().map(tag).collect()
}

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
