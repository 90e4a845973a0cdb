//! What the JSON Schema of a kind says beyond its types: what people must not see, by what runs are found and called,
//! and which values are none.
//!
//! | mark | on | what becomes of it |
//! | --- | --- | --- |
//! | `"writeOnly": true` | a field | it is never shown ([`redact`]), is in no tag and in no title |
//! | `"x-searchable": true` | a field | each new run has a tag with its value, under the name of the field |
//! | `"x-searchable": "customer"` | a field | the same, under this name |
//! | `"x-title": "Export of {table}"` | a type | what people call a run: the tag [`TITLE_TAG`](crate::TITLE_TAG) |
//!
//! ```
//! # #[cfg(feature = "schema")] {
//! use longhaul::schema;
//! use schemars::{JsonSchema, schema_for};
//! use serde_json::json;
//!
//! #[derive(JsonSchema)]
//! #[schemars(extend("x-title" = "Export of {table}"))]
//! struct Export {
//!     #[schemars(extend("x-searchable" = true))]
//!     table: String,
//!     #[schemars(extend("writeOnly" = true))]
//!     key: String,
//! }
//!
//! let schema = schema_for!(Export).into();
//! let mut metadata = json!({ "table": "orders", "key": "1234" });
//! let tags = schema::tags(&schema, &metadata);
//! assert_eq!((&*tags[0].key, &*tags[0].value), (longhaul::TITLE_TAG, "Export of orders"));
//! assert_eq!((&*tags[1].key, &*tags[1].value), ("table", "orders"));
//!
//! schema::redact(&mut metadata, &schema);
//! assert_eq!(metadata["key"], schema::REDACTED);
//! # }
//! ```

mod check;
mod marks;
mod redact;
mod walk;

pub use check::{Mismatch, check};
pub(crate) use marks::Marks;
pub use redact::{REDACTED, has_secrets, redact};

use longhaul_core::Tag;
use serde_json::Value;

/// The tags that the marks of a schema give to a run with this metadata: its title first, then one for each searchable
/// field that is a text, a number or a flag. What the schema hides is in none of them. Values are cut to 256 bytes.
///
/// Whoever enqueues through a client, [`Views`](crate::Views) or a schedule need not call it: new runs have these tags.
///
/// ```
/// use longhaul::schema::tags;
/// use serde_json::json;
///
/// let schema = json!({"properties": {
///     "table": {"x-searchable": true},
///     "key": {"x-searchable": true, "writeOnly": true},
/// }});
/// let tags = tags(&schema, &json!({"table": "orders", "key": "1234"}));
/// assert_eq!(tags.len(), 1);
/// assert_eq!((&*tags[0].key, &*tags[0].value), ("table", "orders"));
/// ```
pub fn tags(schema: &Value, metadata: &Value) -> Vec<Tag> {
    Marks::of(schema).tags(schema, metadata)
}

/// The keys of the tags that the marks of a schema can give, that of the title apart.
///
/// ```
/// let schema = serde_json::json!({"properties": {"table": {"type": "string", "x-searchable": true}}});
/// assert_eq!(longhaul::schema::searchable(&schema), ["table"]);
/// ```
pub fn searchable(schema: &Value) -> Vec<String> {
    Marks::of(schema).searchable().map(str::to_owned).collect()
}
