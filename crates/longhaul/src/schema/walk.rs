//! Which parts of a schema describe a part of a value.

use serde_json::{Map, Value};

/// More than any type refers through; a schema that refers to itself without end is given up.
const REFERENCES_MAX: usize = 32;

/// The schemas, and all that they refer to or are composed of. `None`: there is no end to it, or a reference leads
/// nowhere.
pub(super) fn expand<'a>(schemas: &[&'a Value], root: &'a Value) -> Option<Vec<&'a Map<String, Value>>> {
    let mut all = Vec::new();
    let mut open: Vec<(&Value, usize)> = schemas.iter().map(|schema| (*schema, 0)).collect();
    while let Some((schema, depth)) = open.pop() {
        let Some(fields) = schema.as_object() else { continue };
        if depth > REFERENCES_MAX {
            return None;
        }
        match reference(fields, root) {
            Some(Reference::To(target)) => open.push((target, depth + 1)),
            Some(Reference::Nowhere) => return None,
            None => {}
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

/// What a schema refers to.
pub(super) enum Reference<'a> {
    To(&'a Value),
    Nowhere,
}

pub(super) fn reference<'a>(fields: &Map<String, Value>, root: &'a Value) -> Option<Reference<'a>> {
    let target = fields.get("$ref")?.as_str()?.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
    Some(target.map_or(Reference::Nowhere, Reference::To))
}

pub(super) fn of_field<'a>(schemas: &[&'a Map<String, Value>], key: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        found.extend(schema.get("properties").and_then(|properties| properties.get(key)));
        found.extend(schema.get("additionalProperties"));
        // Patterns are not matched here: what any of them hides is hidden.
        found.extend(schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::values));
    }
    found
}

pub(super) fn of_item<'a>(schemas: &[&'a Map<String, Value>], at: usize) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        found.extend(schema.get("prefixItems").and_then(|items| items.get(at)));
        found.extend(schema.get("items"));
        found.extend(schema.get("contains"));
    }
    found
}
