//! Forms from schemas: what a person fills in, and the JSON that comes of it.
//!
//! Of a JSON Schema as schemars writes it, the usual parts become fields: text, numbers with bounds, flags, choices with
//! help, variants with fields, lists of texts and numbers, lists of items with fields, dates, durations, secrets, groups.
//! What is none of these (maps, lists of lists) is a field for JSON.

mod defaults;
mod field;
mod fill;
mod locate;
mod read;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use defaults::defaults;
pub use field::{Choice, FormField, Input, Items, Variant};
pub use fill::{can_show, filled};
pub use locate::field_at;
pub use read::{differ, value};

/// What is wrong with a field.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"month": {"type": "integer", "maximum": 12}}, "required": ["month"]});
/// let wrong = form::value(&schema, |_| Some("13".into())).unwrap_err();
/// assert_eq!((wrong[0].field.as_str(), wrong[0].why.as_str()), ("month", "At most 12."));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldError {
    /// The name of the field.
    pub field: String,
    /// What is wrong, as a sentence.
    pub why: String,
}

/// The fields of a schema. A schema of no object has one field, without a name.
///
/// ```
/// use longhaul_inspect::form::{self, Input};
/// use serde_json::json;
///
/// let schema = json!({"properties": {"paid": {"type": "boolean", "description": "Whether it is paid."}}});
/// let fields = form::fields(&schema);
/// assert_eq!((fields[0].name.as_str(), &fields[0].input), ("paid", &Input::Flag));
/// ```
pub fn fields(schema: &Value) -> Vec<FormField> {
    let whole = FormField::of("", "Metadata", schema, schema, true, 0);
    match whole.input {
        Input::Group(fields) => fields,
        _ => vec![whole],
    }
}
