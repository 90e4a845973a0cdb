//! What is published of the types of a kind.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The JSON Schema of each of a task's four types: enough for a program without the code to show values with their
/// descriptions, and to make a form for metadata. See [`TaskOptions::schema`](crate::TaskOptions::schema).
///
/// ```
/// # use longhaul::doc::CountUp;
/// // `CountUp` has none.
/// assert_eq!(longhaul::Views::new().task::<CountUp>().schema("count-up"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KindSchema {
    /// Of what is asked.
    pub metadata: Value,
    /// Of how far a run is.
    pub execution_metadata: Value,
    /// Of the result.
    pub result: Value,
    /// Of the typed error.
    pub error: Value,
}

/// How a task's options hold a schema: it is made only when it is needed.
#[derive(Clone, Copy)]
pub(crate) struct SchemaSource(fn() -> KindSchema);

impl SchemaSource {
    #[cfg(feature = "schema")]
    pub(super) fn new(make: fn() -> KindSchema) -> Self {
        Self(make)
    }

    pub(crate) fn schema(self) -> KindSchema {
        (self.0)()
    }
}

impl std::fmt::Debug for SchemaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SchemaSource")
    }
}

impl PartialEq for SchemaSource {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}
