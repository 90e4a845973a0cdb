//! What must not be seen is taken out, as a schema says.

use serde_json::{Map, Value};

use super::walk::{expand, of_field, of_item};

/// What stands in the place of a value that is not shown.
pub const REDACTED: &str = "[redacted]";

/// Whether a schema hides anything.
///
/// ```
/// use longhaul::schema::has_secrets;
/// use serde_json::json;
///
/// assert!(has_secrets(&json!({"properties": {"card": {"writeOnly": true}}})));
/// assert!(!has_secrets(&json!({"properties": {"card": {"type": "string"}}})));
/// ```
pub fn has_secrets(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => is_secret(fields) || fields.values().any(has_secrets),
        Value::Array(items) => items.iter().any(has_secrets),
        _ => false,
    }
}

fn is_secret(schema: &Map<String, Value>) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
}

/// Puts [`REDACTED`] in the place of all that the schema marks `"writeOnly": true`: it may be sent, and is never shown.
///
/// It errs towards hiding: a field that any alternative of the schema marks is hidden, and so is a value whose schema
/// refers to nothing, or to itself without end.
///
/// ```
/// use longhaul::schema::redact;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"card": {"type": "string", "writeOnly": true}}});
/// let mut value = json!({"card": "4111", "amount": 7});
/// redact(&mut value, &schema);
/// assert_eq!(value, json!({"card": "[redacted]", "amount": 7}));
/// ```
pub fn redact(value: &mut Value, schema: &Value) {
    redact_by(value, &[schema], schema);
}

/// `schemas`: all that may describe the value.
fn redact_by(value: &mut Value, schemas: &[&Value], root: &Value) {
    let Some(schemas) = expand(schemas, root) else {
        *value = REDACTED.into();
        return;
    };
    if schemas.iter().any(|schema| is_secret(schema)) {
        *value = REDACTED.into();
        return;
    }
    match value {
        Value::Object(fields) => fields.iter_mut().for_each(|(key, value)| {
            redact_by(value, &of_field(&schemas, key), root);
        }),
        Value::Array(items) => items.iter_mut().enumerate().for_each(|(at, value)| {
            redact_by(value, &of_item(&schemas, at), root);
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(schema: &Value, mut value: Value) -> Value {
        redact(&mut value, schema);
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
