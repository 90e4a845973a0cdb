//! What must not be seen is taken out, as the schema of a kind says.
//!
//! A schema marks a field `"writeOnly": true`: it may be sent, and is never shown. The rule errs towards hiding: a field
//! that any alternative of a schema marks is hidden, and so is a value whose schema refers to nothing or to itself.

use longhaul::{KindInfo, KindSchema, ShownContent, ShownValue, ShownValues};
use serde_json::{Map, Value};

/// What stands in the place of a value that is not shown.
pub const REDACTED: &str = "[redacted]";
/// More than any type refers through; a schema that refers to itself without end is given up, and its value hidden.
const REFERENCES_MAX: usize = 32;

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
    if !mentions_secrets(schema) {
        return;
    }
    match &mut shown.content {
        ShownContent::Value(value) | ShownContent::Migrated { value, .. } => redact(value, &[schema], schema),
        ShownContent::AsStored { value, .. } if is_same => redact(value, &[schema], schema),
        ShownContent::AsStored { .. } => shown.content = ShownContent::Hidden,
        _ => {}
    }
}

fn mentions_secrets(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("writeOnly") == Some(&Value::Bool(true)) || fields.values().any(mentions_secrets)
        }
        Value::Array(items) => items.iter().any(mentions_secrets),
        _ => false,
    }
}

/// `schemas`: all that may describe the value.
fn redact(value: &mut Value, schemas: &[&Value], root: &Value) {
    let Some(schemas) = expand(schemas, root) else {
        *value = REDACTED.into();
        return;
    };
    if schemas.iter().any(|schema| schema.get("writeOnly") == Some(&Value::Bool(true))) {
        *value = REDACTED.into();
        return;
    }
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| {
            redact(value, &of_field(&schemas, key), root);
        }),
        Value::Array(items) => items.iter_mut().enumerate().for_each(|(at, value)| {
            redact(value, &of_item(&schemas, at), root);
        }),
        _ => {}
    }
}

/// The schemas, and all that they refer to or are composed of. `None`: there is no end to it.
fn expand<'a>(schemas: &[&'a Value], root: &'a Value) -> Option<Vec<&'a Map<String, Value>>> {
    let mut all = Vec::new();
    let mut open: Vec<(&Value, usize)> = schemas.iter().map(|schema| (*schema, 0)).collect();
    while let Some((schema, depth)) = open.pop() {
        let Some(fields) = schema.as_object() else { continue };
        if depth > REFERENCES_MAX {
            return None;
        }
        if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            open.push((target?, depth + 1));
        }
        for word in ["allOf", "anyOf", "oneOf"] {
            let parts = fields.get(word).and_then(Value::as_array).into_iter().flatten();
            open.extend(parts.map(|part| (part, depth + 1)));
        }
        for word in ["if", "then", "else", "not"] {
            open.extend(fields.get(word).map(|part| (part, depth + 1)));
        }
        all.push(fields);
    }
    Some(all)
}

fn of_field<'a>(schemas: &[&'a Map<String, Value>], key: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        found.extend(schema.get("properties").and_then(|properties| properties.get(key)));
        found.extend(schema.get("additionalProperties"));
        // Patterns are not matched here: what any of them hides is hidden.
        found.extend(schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::values));
    }
    found
}

fn of_item<'a>(schemas: &[&'a Map<String, Value>], at: usize) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        found.extend(schema.get("prefixItems").and_then(|items| items.get(at)));
        found.extend(schema.get("items"));
        found.extend(schema.get("contains"));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(schema: &Value, mut value: Value) -> Value {
        redact(&mut value, &[schema], schema);
        value
    }

    #[test]
    fn a_field_that_is_only_written_is_hidden_wherever_the_schema_has_it() {
        let schema = json!({
            "$defs": {
                "Login": {"properties": {"user": {}, "password": {"writeOnly": true}}},
                "Target": {"oneOf": [
                    {"properties": {"type": {"const": "mail"}, "to": {}}},
                    {"allOf": [{"properties": {"token": {"writeOnly": true}}}]}
                ]}
            },
            "properties": {
                "login": {"$ref": "#/$defs/Login"},
                "more": {"items": {"$ref": "#/$defs/Login"}},
                "by_name": {"additionalProperties": {"$ref": "#/$defs/Login"}},
                "target": {"$ref": "#/$defs/Target"}
            }
        });
        let login = json!({"user": "ann", "password": "secret"});
        let value = json!({"login": login, "more": [login], "by_name": {"x": login}, "target": {"token": "secret"}});
        let shown = redacted(&schema, value);
        assert!(!shown.to_string().contains("secret"), "{shown}");
        assert_eq!(shown.to_string().matches("ann").count(), 3);
    }

    #[test]
    fn a_schema_without_an_end_hides_its_value() {
        let schema = json!({"$ref": "#", "properties": {"password": {"writeOnly": true}}});
        assert_eq!(redacted(&schema, json!({"a": 1})), json!(REDACTED));
        let lost = json!({"properties": {"a": {"$ref": "#/$defs/Nowhere"}}});
        assert_eq!(redacted(&lost, json!({"a": 1})), json!({"a": REDACTED}));
    }
}
