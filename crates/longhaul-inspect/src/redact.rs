//! What must not be seen is taken out, as the schema of a kind says.
//!
//! The rule for one value is [`longhaul::schema::redact`].

use longhaul::{
    KindInfo, KindSchema, ShownContent, ShownValue, ShownValues,
    schema::{has_secrets, redact},
};
use serde_json::Value;

pub use longhaul::schema::REDACTED;

/// Takes out of each value what its schema hides.
pub(crate) fn values(shown: &mut ShownValues, schema: &KindSchema) {
    // What is shown as it is stored was written by another version of the type, whose secrets may have had other names.
    each(shown, schema, false);
}

/// The same for values of a kind that this program does not have, by what the kind's code said of itself.
pub(crate) fn stored(shown: &mut ShownValues, info: &KindInfo, version: u16) {
    if info.hides_values {
        all(shown).into_iter().flatten().for_each(|value| value.content = ShownContent::Hidden);
    } else if let Some(schema) = &info.schema {
        each(shown, schema, info.version == version);
    }
}

/// The same for metadata that is in no run yet.
pub(crate) fn metadata(shown: &mut ShownValue, schema: &KindSchema) {
    one(shown, &schema.metadata, false);
}

fn all(shown: &mut ShownValues) -> [Option<&mut ShownValue>; 5] {
    [
        Some(&mut shown.metadata),
        shown.initial.as_mut(),
        shown.execution_metadata.as_mut(),
        shown.result.as_mut(),
        shown.error.as_mut(),
    ]
}

/// `is_same`: what is shown as it is stored is of the version that the schema describes.
fn each(shown: &mut ShownValues, schema: &KindSchema, is_same: bool) {
    let KindSchema { metadata, execution_metadata, result, error, .. } = schema;
    let schemas = [metadata, execution_metadata, execution_metadata, result, error];
    for (shown, schema) in all(shown).into_iter().zip(schemas) {
        if let Some(shown) = shown {
            one(shown, schema, is_same);
        }
    }
}

fn one(shown: &mut ShownValue, schema: &Value, is_same: bool) {
    if !has_secrets(schema) {
        return;
    }
    match &mut shown.content {
        ShownContent::Value(value) | ShownContent::Migrated { value, .. } => redact(value, schema),
        ShownContent::AsStored { value, .. } if is_same => redact(value, schema),
        ShownContent::AsStored { .. } => shown.content = ShownContent::Hidden,
        _ => {}
    }
}
