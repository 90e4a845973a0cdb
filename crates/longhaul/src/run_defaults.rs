//! What a new run of a kind is like when nobody says otherwise. It is kept beside the kind's schema, so that a program
//! without the code can make one.

use std::time::Duration;

use longhaul_core::{Label, Priority, Queue, RetryPolicy};
use serde::{Deserialize, Serialize};

use crate::{
    retry_v1::{RetryV1, micros},
    task::KindSchema,
};

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RunDefaultsV1", into = "RunDefaultsV1")]
pub(crate) struct RunDefaults {
    pub(crate) queue: Queue,
    pub(crate) priority: Priority,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Option<Duration>,
    pub(crate) requires: Vec<Label>,
    /// It has a limit by a key, which only the code computes.
    pub(crate) limits_by_key: bool,
}

/// A schema as a store keeps it. Older releases wrote no defaults, and leave them unread.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredSchema {
    #[serde(flatten)]
    pub(crate) schema: KindSchema,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) defaults: Option<RunDefaults>,
}

impl StoredSchema {
    pub(crate) fn text(schema: &KindSchema, defaults: Option<RunDefaults>) -> String {
        let stored = Self { schema: schema.clone(), defaults };
        serde_json::to_string(&stored).expect("JSON can be written")
    }
}

#[derive(Serialize, Deserialize)]
struct RunDefaultsV1 {
    queue: Box<str>,
    priority: i8,
    retry: RetryV1,
    timeout_micros: Option<u64>,
    requires: Vec<Box<str>>,
    limits_by_key: bool,
}

impl From<RunDefaults> for RunDefaultsV1 {
    fn from(defaults: RunDefaults) -> Self {
        Self {
            queue: defaults.queue.as_str().into(),
            priority: defaults.priority.0,
            retry: defaults.retry.into(),
            timeout_micros: defaults.timeout.map(micros),
            requires: defaults.requires.iter().map(|label| label.as_str().into()).collect(),
            limits_by_key: defaults.limits_by_key,
        }
    }
}

impl TryFrom<RunDefaultsV1> for RunDefaults {
    type Error = String;

    fn try_from(stored: RunDefaultsV1) -> Result<Self, String> {
        let refused = |error: longhaul_core::name::NameError| error.to_string();
        Ok(Self {
            queue: Queue::new(&stored.queue).map_err(refused)?,
            priority: Priority(stored.priority),
            retry: stored.retry.try_into()?,
            timeout: stored.timeout_micros.map(Duration::from_micros),
            requires: stored
                .requires
                .iter()
                .map(|label| Label::new(label))
                .collect::<Result<_, _>>()
                .map_err(refused)?,
            limits_by_key: stored.limits_by_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back_and_what_an_older_release_stored_has_no_defaults() {
        let schema: KindSchema = serde_json::from_str(
            r#"{"metadata": {"type": "string"}, "execution_metadata": true, "result": true, "error": true}"#,
        )
        .unwrap();
        let defaults = RunDefaults {
            queue: Queue::new("mail").unwrap(),
            priority: Priority(-3),
            retry: RetryPolicy::default(),
            timeout: Some(Duration::from_millis(1500)),
            requires: vec![Label::new("eu").unwrap()],
            limits_by_key: true,
        };
        let text = StoredSchema::text(&schema, Some(defaults.clone()));
        assert_eq!(text, include_str!("run_defaults.json").trim_end());
        let read: StoredSchema = serde_json::from_str(&text).unwrap();
        assert_eq!((&read.schema, read.defaults), (&schema, Some(defaults)));
        let before = serde_json::to_string(&schema).unwrap();
        assert_eq!(serde_json::from_str::<StoredSchema>(&before).unwrap().defaults, None);
        // An older release reads the new text.
        assert_eq!(serde_json::from_str::<KindSchema>(&text).unwrap(), schema);
    }
}
