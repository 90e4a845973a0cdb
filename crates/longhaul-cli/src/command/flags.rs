//! The fields of a kind's metadata as flags: what `kinds schema` lists, and `runs start` reads.

use serde_json::Value;

use crate::session::{items, plain};

/// References that are followed.
const DEPTH: usize = 16;
/// Fields of fields of fields are written as JSON.
const FLAG_DEPTH: usize = 2;

/// A line for each field: its flag, its values, and what it means. Fields of fields follow, and those of the first item of a
/// list.
pub(super) fn flags(schema: &Value) -> Vec<String> {
    flags_below(schema, schema, "", 0)
}

fn flags_below(root: &Value, of: &Value, before: &str, depth: usize) -> Vec<String> {
    let Some(of) = resolved(root, of, 0).filter(|_| depth <= FLAG_DEPTH) else { return Vec::new() };
    let mut lines = variants(root, of, before, depth);
    for (field, schema) in of["properties"].as_object().into_iter().flatten() {
        let Some(target) = resolved(root, schema, 0) else { continue };
        let name = format!("{before}{}", field.replace('_', "-"));
        let is_required = items(&of["required"]).iter().any(|required| *required == *field);
        let required = if is_required { ", required" } else { "" };
        let default = match schema.get("default") {
            Some(Value::Number(_) | Value::Bool(true)) => format!(", {} unless said", schema["default"]),
            Some(Value::String(text)) if !text.is_empty() => format!(", {text} unless said"),
            // Without it there is none.
            _ => String::new(),
        };
        let about = plain(schema.get("description").unwrap_or(&target["description"]));
        lines.push(format!("--{name:<20} {}{required}{default}  {about}", values_of(root, target)));
        lines.extend(flags_below(root, target, &format!("{name}."), depth + 1));
        if let Some(item) = target.get("items") {
            lines.extend(flags_below(root, item, &format!("{name}.0."), depth + 1));
        }
    }
    lines
}

/// Those of variants with fields: the flag of the tag, which chooses one, and then those of each.
fn variants(root: &Value, of: &Value, before: &str, depth: usize) -> Vec<String> {
    let parts = ["oneOf", "anyOf"].iter().find_map(|word| of[*word].as_array()).into_iter().flatten();
    let parts: Vec<&Value> =
        parts.filter_map(|part| resolved(root, part, 0)).filter(|part| part["properties"].is_object()).collect();
    let tag_of = |part: &Value| {
        let mut properties = part["properties"].as_object().into_iter().flatten();
        properties.find_map(|(name, schema)| Some((name.clone(), resolved(root, schema, 0)?.get("const")?.clone())))
    };
    let tags: Vec<(String, Value)> = parts.iter().filter_map(|part| tag_of(part)).collect();
    let mut lines = Vec::new();
    if let Some((tag, _)) = tags.first() {
        let values: Vec<String> = tags.iter().map(|(_, value)| plain(value)).collect();
        lines.push(format!("--{:<20} {}, required", format!("{before}{}", tag.replace('_', "-")), values.join("|")));
    }
    for part in parts {
        let mut fields = part.clone();
        let Some((tag, value)) = tag_of(part) else {
            lines.extend(flags_below(root, part, before, depth));
            continue;
        };
        if let Some(properties) = fields["properties"].as_object_mut() {
            properties.remove(&tag);
        }
        let with = format!("(with {}) ", plain(&value));
        let of_part = flags_below(root, &fields, before, depth);
        lines.extend(of_part.into_iter().map(|line| line.replacen("  ", &format!("  {with}"), 1)));
    }
    lines
}

/// Which values a field takes: `integer, 1 to 12`, `csv|xlsx`, `string, 1 to 80 characters`.
fn values_of(root: &Value, schema: &Value) -> String {
    let choices: Vec<String> = choices(root, schema);
    if !choices.is_empty() {
        return choices.join("|");
    }
    let kind = type_of(schema).unwrap_or("value");
    let bounds = |least: &str, most: &str| {
        let number = |bound: &str| schema[bound].as_f64().map(|number| number.to_string());
        match (number(least), number(most)) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => String::new(),
        }
    };
    let (format, unit, range) = match kind {
        "integer" | "number" => ("", "", bounds("minimum", "maximum")),
        "string" => (schema["format"].as_str().unwrap_or_default(), " characters", bounds("minLength", "maxLength")),
        "array" => ("", " items", bounds("minItems", "maxItems")),
        _ => ("", "", String::new()),
    };
    // Those of Rust's types of numbers say what nobody wonders about.
    let range = if schema["format"].is_string() && kind == "integer" && schema["maximum"].is_null() {
        String::new()
    } else {
        range
    };
    let kind = if format.is_empty() { kind } else { format };
    if range.is_empty() { kind.to_owned() } else { format!("{kind}, {range}{unit}") }
}

/// The values of an enum without fields.
fn choices(root: &Value, schema: &Value) -> Vec<String> {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(plain).collect();
    }
    let parts = items(&schema["oneOf"]).iter().filter_map(|part| resolved(root, part, 0));
    let values: Option<Vec<Vec<String>>> = parts
        .map(|part| match (part.get("const"), part["enum"].as_array()) {
            (Some(value), _) => Some(vec![plain(value)]),
            (None, Some(values)) => Some(values.iter().map(plain).collect()),
            (None, None) => None,
        })
        .collect();
    values.unwrap_or_default().concat()
}

/// The names of the fields, those of references and parts included.
pub(super) fn fields(schema: &Value) -> Vec<String> {
    let of = resolved(schema, schema, 0).and_then(|schema| schema["properties"].as_object());
    of.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

/// The type of a field; of one that may be null, the other type.
pub(super) fn field_type<'a>(schema: &'a Value, path: &[String]) -> Option<&'a str> {
    let mut at = resolved(schema, schema, 0)?;
    for name in path {
        let is_item = type_of(at) == Some("array") && name.parse::<usize>().is_ok();
        let below = if is_item { at.get("items")? } else { at["properties"].get(name)? };
        at = resolved(schema, below, 0)?;
    }
    Some(type_of(at).unwrap_or("value"))
}

fn type_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(of) => Some(of.as_str()),
        Value::Array(of) => of.iter().filter_map(Value::as_str).find(|of| *of != "null"),
        _ => None,
    }
}

fn resolved<'a>(root: &'a Value, schema: &'a Value, depth: usize) -> Option<&'a Value> {
    if depth > DEPTH {
        return None;
    }
    if let Some(pointer) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        return resolved(root, root.pointer(pointer)?, depth + 1);
    }
    let optional = schema["anyOf"].as_array().and_then(|parts| parts.iter().find(|part| part["type"] != "null"));
    match optional {
        Some(part) => resolved(root, part, depth + 1),
        None => Some(schema),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variants_have_the_flag_that_chooses_and_those_of_each() {
        let schema = json!({"properties": {"to": {"oneOf": [
            {"properties": {"who": {"const": "subscribers"}, "language": {"type": "string"}}, "required": ["who", "language"]},
            {"properties": {"who": {"const": "nobody"}}, "required": ["who"]},
        ]}}, "required": ["to"]});
        let lines: Vec<String> =
            flags(&schema).iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let expected = [
            "--to value, required",
            "--to.who subscribers|nobody, required",
            "--to.language (with subscribers) string, required",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_field_says_which_values_it_takes() {
        let root = json!({"$defs": {"Format": {"oneOf": [{"const": "csv"}, {"enum": ["xlsx", "ods"]}]}}});
        for (schema, expected) in [
            (json!({"type": "integer", "minimum": 1, "maximum": 12}), "integer, 1 to 12"),
            (json!({"type": "number", "maximum": 0.5}), "number, at most 0.5"),
            (json!({"type": "integer", "format": "uint64", "minimum": 0}), "integer"),
            (json!({"type": "string", "minLength": 1}), "string, at least 1 characters"),
            (json!({"type": "string", "format": "date"}), "date"),
            (json!({"type": "array", "maxItems": 3}), "array, at most 3 items"),
            (json!({"$ref": "#/$defs/Format"}), "csv|xlsx|ods"),
            (json!({"type": "boolean"}), "boolean"),
        ] {
            let target = resolved(&root, &schema, 0).unwrap();
            assert_eq!(values_of(&root, target), expected, "{schema}");
        }
    }
}
