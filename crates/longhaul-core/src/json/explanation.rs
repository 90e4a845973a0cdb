//! Why a run is not running now.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::Time;
use crate::{
    admission::BlockedBy,
    control::Scope,
    explain::{Ahead, Explanation},
    name::Key,
    state::Waiting,
};

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
            Self::Suspended(waiting) | Self::AwaitsSignal { waiting, .. } | Self::AwaitsRuns { waiting, .. } => {
                match self {
                    Self::AwaitsSignal { signals, .. } => map.serialize_entry("signals", signals)?,
                    Self::AwaitsRuns { awaits, .. } => {
                        map.serialize_entry("children", &awaits.children())?;
                        map.serialize_entry("runs", awaits.named())?;
                    }
                    _ => {}
                }
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
            Self::BlockedBy { by, ahead } => {
                blocked_by::<S>(&mut map, by)?;
                map.serialize_entry("ahead", ahead)?;
            }
            Self::WaitsForSlot { servers, ahead } => {
                map.serialize_entry("servers", servers)?;
                map.serialize_entry("ahead", ahead)?;
            }
            Self::Behind { key, holder } => {
                map.serialize_entry("key", key)?;
                map.serialize_entry("run", &holder.map(|holder| holder.run))?;
                map.serialize_entry("state", &holder.map(|holder| holder.state))?;
            }
            Self::Incompatible => {}
        }
        map.serialize_entry("text", &self.to_string())?;
        map.end()
    }
}

fn blocked_by<S: Serializer>(map: &mut S::SerializeMap, by: &BlockedBy) -> Result<(), S::Error> {
    match by {
        BlockedBy::Paused { scope, until, why } => {
            within::<S>(map, scope, None)?;
            map.serialize_entry("until", &until.map(Time))?;
            map.serialize_entry("why", why)
        }
        BlockedBy::Running { scope, key, max } => {
            within::<S>(map, scope, key.as_ref())?;
            map.serialize_entry("max", max)
        }
        BlockedBy::Rate { scope, key, until, .. } => {
            within::<S>(map, scope, key.as_ref())?;
            map.serialize_entry("until", &Time(*until))
        }
        BlockedBy::LastTry { run, server, until } | BlockedBy::Suspect { run, server, until } => {
            map.serialize_entry("run", run)?;
            map.serialize_entry("server", server)?;
            map.serialize_entry("until", &Time(*until))
        }
        BlockedBy::Drain { server, until } => {
            map.serialize_entry("server", server)?;
            map.serialize_entry("until", &Time(*until))
        }
    }
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "these are the names that it has in JSON")]
struct AheadView {
    of_higher_priority: u64,
    of_same_priority: u64,
    of_lower_priority: u64,
    of_other_keys: u64,
}

impl Serialize for Ahead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { of_higher_priority, of_same_priority, of_lower_priority, of_other_keys } = *self;
        AheadView { of_higher_priority, of_same_priority, of_lower_priority, of_other_keys }.serialize(serializer)
    }
}

fn within<S: Serializer>(map: &mut S::SerializeMap, scope: &Scope, key: Option<&Key>) -> Result<(), S::Error> {
    match scope {
        Scope::Queue(queue) => map.serialize_entry("queue", queue)?,
        Scope::Kind(kind) => map.serialize_entry("kind", kind)?,
        Scope::Server(server) => map.serialize_entry("server", server)?,
        Scope::LimitKey(kind, key) => {
            map.serialize_entry("kind", kind)?;
            map.serialize_entry("key", key)?;
        }
    }
    key.map_or(Ok(()), |key| map.serialize_entry("key", key))
}

impl Explanation {
    /// One word for programs, as the JSON of it has.
    ///
    /// ```
    /// use longhaul_core::{Explanation, explain::Ahead};
    ///
    /// assert_eq!(Explanation::WaitsForSlot { servers: 1, ahead: Ahead::default() }.reason(), "waits_for_slot");
    /// ```
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Final(_) => "final",
            Self::NotDue { .. } => "not_due",
            Self::Suspended(_) => "suspended",
            Self::AwaitsSignal { .. } => "awaits_signal",
            Self::AwaitsRuns { .. } => "awaits_runs",
            Self::Incompatible => "incompatible",
            Self::Behind { .. } => "behind",
            Self::NoServerForKind(_) => "no_server_for_kind",
            Self::NoServerForVersion { .. } => "no_server_for_version",
            Self::NoServerWithLabels(_) => "no_server_with_labels",
            Self::BlockedBy { by, .. } => match by {
                BlockedBy::Paused { .. } => "paused",
                BlockedBy::Running { .. } => "limit_reached",
                BlockedBy::Rate { .. } => "rate_reached",
                BlockedBy::LastTry { .. } => "last_try",
                BlockedBy::Drain { .. } => "drain",
                BlockedBy::Suspect { .. } => "suspect",
            },
            Self::WaitsForSlot { .. } => "waits_for_slot",
        }
    }
}
