//! Whether a value is one of a schema: for values that no type of this program reads.

use std::fmt;

use serde_json::{Map, Number, Value};

use super::walk::{Reference, reference};

/// Deeper values are not looked into.
const DEPTH_MAX: usize = 32;
/// More is of no help to who corrects it.
const FOUND_MAX: usize = 16;
/// Each item is held against those before it.
const UNIQUE_MAX: usize = 1000;

/// Where a value is none of its schema, and why.
///
/// ```
/// use longhaul::schema::check;
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"month": {"type": "integer", "maximum": 12}}});
/// let wrong = &check(&schema, &json!({"month": 13}))[0];
/// assert_eq!((wrong.path.as_str(), wrong.to_string()), ("month", "`month`: at most 12".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// The way to the part, with dots: `address.city`, `rows.3`. Empty: the whole.
    pub path: String,
    /// What it should be.
    pub why: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.why),
            path => write!(f, "`{path}`: {}", self.why),
        }
    }
}

/// What of a value does not fit a JSON Schema; nothing if all does. It knows the words that schemars writes for types
/// of Rust and their bounds, and takes every other word as fulfilled: code that reads the value has the last word.
///
/// `pattern` is looked at with the feature `schema`; one that `regex-lite` does not know (classes of Unicode, looking
/// around) counts as fulfilled, and so does each `format`, which JSON Schema has as a remark.
///
/// ```
/// use longhaul::schema::check;
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "required": ["table"]});
/// assert!(check(&schema, &json!({"table": "orders"})).is_empty());
/// assert_eq!(check(&schema, &json!({}))[0].to_string(), "`table`: it is needed");
/// ```
pub fn check(schema: &Value, value: &Value) -> Vec<Mismatch> {
    let mut found = Vec::new();
    Checker { root: schema, found: &mut found }.check(schema, value, &mut Vec::new(), 0);
    found.truncate(FOUND_MAX);
    found
}

struct Checker<'a, 'f> {
    root: &'a Value,
    found: &'f mut Vec<Mismatch>,
}

impl<'a> Checker<'a, '_> {
    fn wrong(&mut self, path: &[String], why: impl Into<String>) {
        self.found.push(Mismatch { path: path.join("."), why: why.into() });
    }

    fn check(&mut self, schema: &'a Value, value: &Value, path: &mut Vec<String>, depth: usize) {
        let Some(words) = schema.as_object() else {
            if *schema == Value::Bool(false) {
                self.wrong(path, "nothing may be here");
            }
            return;
        };
        if depth > DEPTH_MAX || self.found.len() >= FOUND_MAX {
            return;
        }
        if let Some(Reference::To(target)) = reference(words, self.root) {
            self.check(target, value, path, depth + 1);
        }
        for part in list(words, "allOf") {
            self.check(part, value, path, depth + 1);
        }
        for word in ["anyOf", "oneOf"] {
            self.alternatives(list(words, word), value, path, depth);
        }
        if let Some(types) = types(words).filter(|types| !types.iter().any(|of| is_a(value, of))) {
            return self.wrong(
                path,
                format!("{} is needed", types.iter().map(|of| name(of)).collect::<Vec<_>>().join(" or ")),
            );
        }
        if words.get("const").is_some_and(|only| only != value) {
            self.wrong(path, format!("only {} is possible", words["const"]));
        }
        if words.get("enum").and_then(Value::as_array).is_some_and(|all| !all.contains(value)) {
            let all: Vec<String> = list(words, "enum").map(ToString::to_string).collect();
            self.wrong(path, format!("one of {} is needed", all.join(", ")));
        }
        match value {
            Value::Number(number) => self.number(words, number, path),
            Value::String(text) => {
                self.size(words, ["minLength", "maxLength"], text.chars().count(), "character", path);
                if let Some(pattern) = words.get("pattern").and_then(Value::as_str).filter(|of| !matches(of, text)) {
                    self.wrong(path, format!("it does not match the pattern {pattern}"));
                }
            }
            Value::Array(items) => {
                self.size(words, ["minItems", "maxItems"], items.len(), "item", path);
                let is_set = words.get("uniqueItems") == Some(&Value::Bool(true));
                if let Some(twice) = is_set.then(|| repeated(items)).flatten() {
                    self.wrong(path, format!("{twice} is there more than once"));
                }
                let first: Vec<&Value> = list(words, "prefixItems").collect();
                for (at, item) in items.iter().enumerate() {
                    if let Some(schema) = first.get(at).copied().or_else(|| words.get("items")) {
                        path.push(at.to_string());
                        self.check(schema, item, path, depth + 1);
                        path.pop();
                    }
                }
            }
            Value::Object(fields) => self.fields(words, fields, path, depth),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn fields(
        &mut self,
        words: &'a Map<String, Value>,
        fields: &Map<String, Value>,
        path: &mut Vec<String>,
        depth: usize,
    ) {
        for name in list(words, "required").filter_map(Value::as_str).filter(|name| !fields.contains_key(*name)) {
            path.push(name.to_owned());
            self.wrong(path, "it is needed");
            path.pop();
        }
        let known = words.get("properties").and_then(Value::as_object);
        for (name, value) in fields {
            let schema = known.and_then(|known| known.get(name)).or_else(|| words.get("additionalProperties"));
            if let Some(schema) = schema {
                path.push(name.clone());
                self.check(schema, value, path, depth + 1);
                path.pop();
            }
        }
    }

    /// One that fits is enough: that several do is nothing that a type of Rust forbids.
    fn alternatives(
        &mut self,
        all: impl Iterator<Item = &'a Value>,
        value: &Value,
        path: &mut Vec<String>,
        depth: usize,
    ) {
        let mut nearest: Option<Vec<Mismatch>> = None;
        let mut consts = Vec::new();
        for part in all {
            let mut found = Vec::new();
            Checker { root: self.root, found: &mut found }.check(part, value, path, depth + 1);
            if found.is_empty() {
                return;
            }
            consts.extend(part.get("const").map(ToString::to_string));
            // The one that somebody meant has its tag right, so that what is wrong is further in.
            let inside = |found: &[Mismatch]| {
                found.iter().filter(|wrong| !wrong.why.starts_with("only ")).count() == found.len()
            };
            if nearest.as_ref().is_none_or(|before| (!inside(before), before.len()) > (!inside(&found), found.len())) {
                nearest = Some(found);
            }
        }
        if consts.len() > 1 {
            return self.wrong(path, format!("one of {} is needed", consts.join(", ")));
        }
        self.found.extend(nearest.into_iter().flatten());
    }

    fn number(&mut self, words: &Map<String, Value>, number: &Number, path: &[String]) {
        let bound = |word: &str| words.get(word).and_then(Value::as_f64);
        let size = number.as_f64().unwrap_or_default();
        if let Some(min) = bound("minimum").filter(|min| size < *min) {
            self.wrong(path, format!("at least {min}"));
        }
        if let Some(max) = bound("maximum").filter(|max| size > *max) {
            self.wrong(path, format!("at most {max}"));
        }
        if let Some(min) = bound("exclusiveMinimum").filter(|min| size <= *min) {
            self.wrong(path, format!("more than {min}"));
        }
        if let Some(max) = bound("exclusiveMaximum").filter(|max| size >= *max) {
            self.wrong(path, format!("less than {max}"));
        }
        if let Some(step) = bound("multipleOf").filter(|step| *step > 0.0 && !is_multiple(size, *step)) {
            self.wrong(path, format!("a multiple of {step}"));
        }
    }

    fn size(&mut self, words: &Map<String, Value>, [least, most]: [&str; 2], size: usize, what: &str, path: &[String]) {
        let bound = |word: &str| words.get(word).and_then(Value::as_u64);
        let of = |count: u64| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        if let Some(min) = bound(least).filter(|min| (size as u64) < *min) {
            self.wrong(path, format!("at least {}", of(min)));
        }
        if let Some(max) = bound(most).filter(|max| size as u64 > *max) {
            self.wrong(path, format!("at most {}", of(max)));
        }
    }
}

fn list<'a>(words: &'a Map<String, Value>, word: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    words.get(word).and_then(Value::as_array).into_iter().flatten()
}

fn types(words: &Map<String, Value>) -> Option<Vec<&str>> {
    match words.get("type")? {
        Value::String(one) => Some(vec![one]),
        Value::Array(several) => Some(several.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn is_a(value: &Value, of: &str) -> bool {
    match of {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

/// As near as decimal fractions are in binary: 0.3 is a multiple of 0.1.
fn is_multiple(size: f64, step: f64) -> bool {
    let times = size / step;
    (times - times.round()).abs() <= times.abs().max(1.0) * 1e-9
}

/// An item that is there more than once. Very long lists are not looked at.
fn repeated(items: &[Value]) -> Option<&Value> {
    let mut later = items.iter().enumerate().take(UNIQUE_MAX);
    later.find(|(at, item)| items[..*at].contains(item)).map(|(_, item)| item)
}

#[cfg(feature = "schema")]
fn matches(pattern: &str, text: &str) -> bool {
    regex_lite::Regex::new(pattern).map_or(true, |regex| regex.is_match(text))
}

#[cfg(not(feature = "schema"))]
const fn matches(_: &str, _: &str) -> bool {
    true
}

fn name(of: &str) -> &str {
    match of {
        "null" => "nothing",
        "boolean" => "true or false",
        "string" => "a text",
        "number" => "a number",
        "integer" => "a whole number",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wrong(schema: &Value, value: &Value) -> Vec<String> {
        check(schema, value).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_part_that_does_not_fit_is_named() {
        let schema = json!({
            "$defs": {"Kind": {"oneOf": [{"const": "csv"}, {"const": "xlsx"}]}},
            "type": "object",
            "properties": {
                "month": {"type": "integer", "minimum": 1, "maximum": 12},
                "name": {"type": ["string", "null"], "maxLength": 3},
                "kind": {"$ref": "#/$defs/Kind"},
                "rows": {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
                "days": {"type": "array", "uniqueItems": true},
                "price": {"type": "number", "multipleOf": 0.1},
                "share": {"type": "number", "exclusiveMaximum": 1.0},
                "to": {"oneOf": [
                    {"type": "object", "properties": {"type": {"const": "mail"}, "address": {"type": "string"}}, "required": ["type", "address"]},
                    {"type": "object", "properties": {"type": {"const": "none"}}, "required": ["type"]}
                ]}
            },
            "required": ["month"],
            "additionalProperties": false
        });
        let right = json!({
            "month": 3, "name": null, "kind": "csv", "rows": [1], "share": 0.5, "days": [1, 2], "price": 0.3, "to": {"type": "mail", "address": "a"}
        });
        assert_eq!(wrong(&schema, &right), [""; 0]);
        assert_eq!(wrong(&schema, &json!({"to": {"type": "none"}})), ["`month`: it is needed"]);
        for (part, value, why) in [
            ("month", json!(13), "`month`: at most 12"),
            ("month", json!("3"), "`month`: a whole number is needed"),
            ("month", json!(1.5), "`month`: a whole number is needed"),
            ("name", json!("long"), "`name`: at most 3 characters"),
            ("name", json!(1), "`name`: a text or nothing is needed"),
            ("kind", json!("pdf"), "`kind`: one of \"csv\", \"xlsx\" is needed"),
            ("rows", json!([1, "a"]), "`rows.1`: a whole number is needed"),
            ("rows", json!([1, 2, 3]), "`rows`: at most 2 items"),
            ("share", json!(1), "`share`: less than 1"),
            ("days", json!(["mon", "tue", "mon"]), "`days`: \"mon\" is there more than once"),
            ("price", json!(0.25), "`price`: a multiple of 0.1"),
            ("to", json!({"type": "mail"}), "`to.address`: it is needed"),
            ("other", json!(1), "`other`: nothing may be here"),
        ] {
            let mut value_of = right.clone();
            value_of[part] = value;
            assert_eq!(wrong(&schema, &value_of), [why], "{part}");
        }
        assert_eq!(wrong(&schema, &json!(7)), ["an object is needed"]);
    }

    #[cfg(feature = "schema")]
    #[test]
    fn a_text_is_held_against_its_pattern() {
        let schema = json!({"properties": {"code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"}}});
        assert_eq!(wrong(&schema, &json!({"code": "DE7"})), [""; 0]);
        let why = "`code`: it does not match the pattern ^[A-Z]{2}[0-9]+$";
        assert_eq!(wrong(&schema, &json!({"code": "de7"})), [why]);
        let unknown = json!({"type": "string", "pattern": "^\\p{L}(?=x)$"});
        assert_eq!(wrong(&unknown, &json!("7")), [""; 0], "a pattern that is not known counts as fulfilled");
    }

    #[test]
    fn a_schema_without_an_end_is_left_off() {
        assert_eq!(wrong(&json!({"$ref": "#"}), &json!(1)), [""; 0]);
        let endless = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "type": "string"});
        assert!(!wrong(&json!({"type": "object", "properties": {"a": {"$ref": "#"}}}), &json!({"a": 1})).is_empty());
        let _ = wrong(&json!({"type": "string"}), &endless);
    }
}
