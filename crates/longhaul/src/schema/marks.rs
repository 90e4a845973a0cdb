//! Marks of a schema: which fields become tags, and what runs are called.

use std::{borrow::Cow, collections::BTreeSet};

use longhaul_core::{
    Tag,
    limits::{TAG_MAX, cut},
};
use serde_json::Value;

use super::{
    redact::{REDACTED, redact},
    walk::{expand, of_field},
};
use crate::title::TITLE_TAG;

const SEARCHABLE: &str = "x-searchable";
const TITLE: &str = "x-title";
/// Fields of fields of fields: a type that goes deeper is searched by what is further up.
const DEPTH_MAX: usize = 4;
/// What a title says of a field that is not there.
const MISSING: &str = "–";

/// The marks of a schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Marks {
    title: Option<String>,
    fields: Vec<Mark>,
}

/// A searchable field.
#[derive(Clone, Debug, PartialEq)]
struct Mark {
    path: Vec<String>,
    key: String,
}

impl Marks {
    pub(crate) fn of(schema: &Value) -> Self {
        let mut marks = Self::default();
        marks.find(&[schema], schema, &mut Vec::new());
        marks.fields.sort_by(|left, right| left.path.cmp(&right.path));
        marks.fields.dedup();
        marks
    }

    fn find(&mut self, schemas: &[&Value], root: &Value, path: &mut Vec<String>) {
        // What cannot be followed to its end is redacted as a whole, so it has no marks.
        let Some(schemas) = expand(schemas, root) else { return };
        let mark = |name: &str| schemas.iter().find_map(|schema| schema.get(name));
        if path.is_empty() {
            self.title = mark(TITLE).and_then(Value::as_str).map(str::to_owned);
        } else {
            let key = match mark(SEARCHABLE) {
                Some(Value::Bool(true)) => path.last().cloned(),
                Some(Value::String(key)) => Some(key.clone()),
                _ => None,
            };
            // A key that is none is no mark: the schema is not what refuses a run.
            self.fields.extend(
                key.filter(|key| Tag::new(key, "").is_ok() && key != TITLE_TAG)
                    .map(|key| Mark { path: path.clone(), key }),
            );
        }
        if path.len() >= DEPTH_MAX {
            return;
        }
        let properties = schemas.iter().filter_map(|schema| schema.get("properties")?.as_object());
        let names: BTreeSet<&String> = properties.flat_map(|properties| properties.keys()).collect();
        for name in names {
            path.push(name.clone());
            self.find(&of_field(&schemas, name), root, path);
            path.pop();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.title.is_none() && self.fields.is_empty()
    }

    /// The keys of searchable fields.
    pub(crate) fn searchable(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|mark| mark.key.as_str())
    }

    /// Whether a tag of this key is given by a mark.
    pub(crate) fn gives(&self, key: &str) -> bool {
        (self.title.is_some() && key == TITLE_TAG) || self.searchable().any(|ours| ours == key)
    }

    /// The tags of a run with this metadata.
    pub(crate) fn tags(&self, schema: &Value, metadata: &Value) -> Vec<Tag> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut shown = metadata.clone();
        redact(&mut shown, schema);
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: cut(value, TAG_MAX).into() };
        let title = self.title.as_deref().map(|template| tag(TITLE_TAG, &render(template, &shown)));
        let field = |mark: &Mark| {
            let value = text(at(&shown, mark.path.iter().map(String::as_str))?)?;
            (value != REDACTED && !value.is_empty()).then(|| tag(&mark.key, &value))
        };
        title.into_iter().chain(self.fields.iter().filter_map(field)).collect()
    }
}

/// The template with values in the places of `{field}` and `{field.of.field}`. Braces that enclose no name stay.
fn render(template: &str, shown: &Value) -> String {
    let (mut title, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        title.push_str(before);
        let Some((path, behind)) = after.split_once('}').filter(|(path, _)| !path.is_empty() && !path.contains('{'))
        else {
            title.push('{');
            rest = after;
            continue;
        };
        title.push_str(&at(shown, path.split('.')).and_then(text).unwrap_or(Cow::Borrowed(MISSING)));
        rest = behind;
    }
    title + rest
}

fn at<'a, 'p>(value: &'a Value, path: impl Iterator<Item = &'p str>) -> Option<&'a Value> {
    let mut at = value;
    for key in path {
        at = at.get(key)?;
    }
    Some(at)
}

/// A text, a number or a flag as people write it; nothing else.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "x-title": "Export of {table} for {to.name} ({key}, {note}) {} {open",
            "$defs": {"Login": {"properties": {
                "name": {"type": "string", "x-searchable": "login"}, "password": {"x-searchable": true, "writeOnly": true}
            }}},
            "properties": {
                "table": {"x-searchable": true},
                "month": {"x-searchable": true},
                "paid": {"x-searchable": true},
                "rows": {"x-searchable": true},
                "key": {"x-searchable": true, "writeOnly": true},
                "secret": {"writeOnly": true, "properties": {"inner": {"x-searchable": true}}},
                "to": {"$ref": "#/$defs/Login"},
                "bad": {"x-searchable": ""},
                "note": {}
            }
        })
    }

    #[test]
    fn marked_fields_become_tags_and_what_is_hidden_is_in_none_of_them() {
        let metadata = json!({
            "table": "orders", "month": 3, "paid": false, "rows": [1], "key": "1234", "secret": {"inner": "5678"},
            "to": {"name": "ann", "password": "9012"}, "bad": "x", "note": null
        });
        let tags = Marks::of(&schema()).tags(&schema(), &metadata);
        let tags: Vec<(&str, &str)> = tags.iter().map(|tag| (&*tag.key, &*tag.value)).collect();
        let title = "Export of orders for ann ([redacted], –) {} {open";
        let expected = [(TITLE_TAG, title), ("month", "3"), ("paid", "false"), ("table", "orders"), ("login", "ann")];
        assert_eq!(tags, expected);
        let long = Marks::of(&schema()).tags(&schema(), &json!({"table": "ü".repeat(300)}));
        assert!(long.iter().all(|tag| tag.value.len() <= TAG_MAX), "{long:?}");
    }

    #[test]
    fn a_schema_without_an_end_has_its_marks_as_far_as_they_go() {
        let endless = json!({"properties": {
            "name": {"x-searchable": true}, "next": {"$ref": "#"}, "lost": {"$ref": "#/$defs/Nowhere", "x-searchable": true}
        }});
        let marks = Marks::of(&endless);
        assert_eq!(marks.searchable().next(), Some("name"));
        let tags = marks.tags(&endless, &json!({"name": "a", "next": {"name": "b"}, "lost": "c"}));
        assert!(tags.iter().all(|tag| *tag.key == *"name"), "{tags:?}");
        assert!(Marks::of(&json!(true)).is_empty());
    }
}
