//! Why a run was not made from JSON.

use crate::{new_run::EnqueueError, schema::Mismatch};

/// A run was not enqueued from JSON, or a value not made from it.
///
/// ```
/// # use longhaul::doc::CountUp;
/// use longhaul::{EnqueueJsonError, Views};
/// use serde_json::json;
///
/// let views = Views::new().task::<CountUp>();
/// let refused = views.new_run("count-up", &json!({ "to": "three" })).unwrap_err();
/// assert!(matches!(refused, EnqueueJsonError::Json { what: "metadata", .. }));
/// let refused = views.new_run("count-down", &json!(3)).unwrap_err();
/// assert!(matches!(refused, EnqueueJsonError::UnknownKind { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EnqueueJsonError {
    /// This program does not have the code of the kind, so it cannot make its values.
    #[error("this program does not have the code of `{kind}`: ask one that executes it, or name it with `Views::task`")]
    UnknownKind {
        /// Which.
        kind: String,
    },
    /// The JSON is no value of the type.
    #[error("the JSON is no {what} of `{kind}`: {reason}")]
    Json {
        /// The kind.
        kind: String,
        /// Metadata or execution metadata.
        what: &'static str,
        /// What `serde` says, with the field that it is about.
        reason: String,
    },
    /// The JSON is not what the kind's schema asks for.
    #[error("the JSON is no {what} of `{kind}`: {}", listed(found))]
    Schema {
        /// The kind.
        kind: String,
        /// Metadata or execution metadata.
        what: &'static str,
        /// Which parts, each with why; one at least.
        found: Vec<Mismatch>,
    },
    /// The run was refused, or the store failed.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
}

fn listed(found: &[Mismatch]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
