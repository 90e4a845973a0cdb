//! Why a run is not running now.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::Time;
use crate::{admission::BlockedBy, control::Scope, explain::Explanation, name::Key, state::Waiting};

/// `reason` and `text` always, and beside them what the reason is about.
impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("reason", self.reason())?;
        match self {
            Self::Running { server, asked_to_stop } => {
                map.serialize_entry("server", server)?;
                map.serialize_entry("asked_to_stop", asked_to_stop)?;
            }
            Self::Final(state) => map.serialize_entry("state", state)?,
            Self::NotDue { due, after_failure } => {
                map.serialize_entry("due", &Time(*due))?;
                map.serialize_entry("after_failure", after_failure)?;
            }
            Self::Suspended(waiting) => {
                let (until, deadline) = match waiting {
                    Waiting::Proceed => (None, None),
                    Waiting::Until(at) => (Some(Time(*at)), None),
                    Waiting::ProceedBy(deadline) => (None, Some(Time(*deadline))),
                };
                map.serialize_entry("until", &until)?;
                if let Some(deadline) = deadline {
                    map.serialize_entry("deadline", &deadline)?;
                }
            }
            Self::NoServerForKind(kind) => map.serialize_entry("kind", kind)?,
            Self::NoServerForVersion { version, newest } => {
                map.serialize_entry("version", version)?;
                map.serialize_entry("newest", newest)?;
            }
            Self::NoServerWithLabels(labels) => map.serialize_entry("labels", labels)?,
            Self::BlockedBy(BlockedBy::Paused(scope)) => within::<S>(&mut map, scope, None)?,
            Self::BlockedBy(BlockedBy::Running { scope, key, max }) => {
                within::<S>(&mut map, scope, key.as_ref())?;
                map.serialize_entry("max", max)?;
            }
            Self::BlockedBy(BlockedBy::Rate { scope, key, until, .. }) => {
                within::<S>(&mut map, scope, key.as_ref())?;
                map.serialize_entry("until", &Time(*until))?;
            }
            Self::FloorTaken { until } => map.serialize_entry("until", &Time(*until))?,
            Self::WaitsForSlot { servers } => map.serialize_entry("servers", servers)?,
            Self::Incompatible | Self::Suspect => {}
        }
        map.serialize_entry("text", &self.to_string())?;
        map.end()
    }
}

fn within<S: Serializer>(map: &mut S::SerializeMap, scope: &Scope, key: Option<&Key>) -> Result<(), S::Error> {
    match scope {
        Scope::Queue(queue) => map.serialize_entry("queue", queue)?,
        Scope::Kind(kind) => map.serialize_entry("kind", kind)?,
    }
    key.map_or(Ok(()), |key| map.serialize_entry("key", key))
}

impl Explanation {
    /// One word for programs, as the JSON of it has.
    ///
    /// ```
    /// use longhaul_core::Explanation;
    ///
    /// assert_eq!(Explanation::WaitsForSlot { servers: 1 }.reason(), "waits_for_slot");
    /// ```
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Final(_) => "final",
            Self::NotDue { .. } => "not_due",
            Self::Suspended(_) => "suspended",
            Self::Incompatible => "incompatible",
            Self::NoServerForKind(_) => "no_server_for_kind",
            Self::NoServerForVersion { .. } => "no_server_for_version",
            Self::NoServerWithLabels(_) => "no_server_with_labels",
            Self::BlockedBy(BlockedBy::Paused(_)) => "paused",
            Self::BlockedBy(BlockedBy::Running { .. }) => "limit_reached",
            Self::BlockedBy(BlockedBy::Rate { .. }) => "rate_reached",
            Self::Suspect => "suspect",
            Self::FloorTaken { .. } => "suspect_alone",
            Self::WaitsForSlot { .. } => "waits_for_slot",
        }
    }
}
