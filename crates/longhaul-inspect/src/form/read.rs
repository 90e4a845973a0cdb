//! The JSON that comes of what was filled in.

use longhaul::schema;
use serde_json::{Map, Value};

use super::{
    FieldError, FormField, Input, Items,
    locate::{Place, place_among},
};
use crate::words;

/// The JSON that comes of what was filled in, held against the schema. `filled` has the text of a field; empty is
/// nothing.
///
/// # Errors
/// All fields that are wrong, each with why. What is wrong with no field of its own is said of the one around it.
pub fn value(schema: &Value, filled: impl Fn(&str) -> Option<String>) -> Result<Value, Vec<FieldError>> {
    let fields = super::fields(schema);
    let (value, mut wrong) = whole(&fields, &Filled { text: &filled, keeps_secrets: false });
    for mismatch in schema::check(schema, &value) {
        let place = place_among(&fields, &value, &mismatch.path, &filled);
        let Place { field, rest } = place.unwrap_or(Place { field: String::new(), rest: &mismatch.path });
        // What cannot be read is missing in the value, and was named with the better reason.
        if wrong.iter().any(|known: &FieldError| is_around(&field, &known.field)) {
            continue;
        }
        let why = words::sentence(&mismatch.why);
        let why = match (rest, rest.parse::<usize>()) {
            ("", _) => why,
            (_, Ok(at)) => format!("Item {}: {why}", at + 1),
            (rest, _) => format!("`{rest}`: {why}"),
        };
        wrong.push(FieldError { field, why });
    }
    if wrong.is_empty() { Ok(value) } else { Err(wrong) }
}

/// Whether a field is another, or has it among its own.
fn is_around(field: &str, other: &str) -> bool {
    other.strip_prefix(field).is_some_and(|rest| field.is_empty() || rest.is_empty() || rest.starts_with('.'))
}

/// Whether two forms say something else. A secret that is left empty is the one that was there before.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({
///     "properties": {"key": {"type": "string", "writeOnly": true}, "copies": {"type": "integer"}},
///     "required": ["key"],
/// });
/// let one = |copies: &'static str| move |name: &str| (name == "copies").then(|| copies.to_owned());
/// assert!(!form::differ(&schema, one("7"), one(" 7")));
/// assert!(form::differ(&schema, one("7"), one("8")));
/// ```
pub fn differ(schema: &Value, before: impl Fn(&str) -> Option<String>, now: impl Fn(&str) -> Option<String>) -> bool {
    let fields = super::fields(schema);
    whole(&fields, &Filled { text: &before, keeps_secrets: true })
        != whole(&fields, &Filled { text: &now, keeps_secrets: true })
}

/// What was filled in.
struct Filled<'a> {
    text: &'a dyn Fn(&str) -> Option<String>,
    /// An empty secret is `null`, whether it is needed or not.
    keeps_secrets: bool,
}

impl Filled<'_> {
    fn of(&self, field: &FormField) -> Option<String> {
        (self.text)(&field.name).filter(|text| !text.is_empty())
    }
}

fn whole(fields: &[FormField], filled: &Filled<'_>) -> (Value, Vec<FieldError>) {
    let mut wrong = Vec::new();
    let value = match fields {
        [only] if only.name.is_empty() => one(only, filled, &mut wrong).unwrap_or(Value::Null),
        fields => Value::Object(group(fields, filled, &mut wrong)),
    };
    (value, wrong)
}

fn group(fields: &[FormField], filled: &Filled<'_>, wrong: &mut Vec<FieldError>) -> Map<String, Value> {
    let values = fields.iter().filter_map(|field| Some((field.key().to_owned(), one(field, filled, wrong)?)));
    values.collect()
}

/// `None`: it is left out, and the type's default holds.
fn one(field: &FormField, filled: &Filled<'_>, wrong: &mut Vec<FieldError>) -> Option<Value> {
    if let Input::Group(fields) = &field.input {
        let group = group(fields, filled, wrong);
        return (field.is_required || !group.is_empty()).then_some(Value::Object(group));
    }
    let text = filled.of(field);
    if filled.keeps_secrets && text.is_none() && field.input == Input::Secret {
        return Some(Value::Null);
    }
    if let Input::Items(items) = &field.input {
        return list(field, items, &text.unwrap_or_default(), filled, wrong);
    }
    if let (Input::Variants(variants), Some(text)) = (&field.input, &text) {
        let Some(variant) = variants.iter().find(|variant| variant.text() == *text) else {
            wrong.push(FieldError { field: field.name.clone(), why: "It is none of the choices.".into() });
            return None;
        };
        if variant.tag.is_none() && variant.fields.is_empty() {
            return Some(variant.choice.value.clone());
        }
        let mut value = group(&variant.fields, filled, wrong);
        if let Some(tag) = &variant.tag {
            value.insert(tag.clone(), variant.choice.value.clone());
        }
        return Some(Value::Object(value));
    }
    match field.read(text.as_deref()) {
        Ok(value) => value,
        Err(why) => {
            wrong.push(FieldError { field: field.name.clone(), why });
            None
        }
    }
}

/// Items with fields. `None`: there are none, and the type's default holds.
fn list(
    field: &FormField,
    items: &Items,
    text: &str,
    filled: &Filled<'_>,
    wrong: &mut Vec<FieldError>,
) -> Option<Value> {
    let (numbers, max) = (Items::numbers(text), items.allowed.end());
    if numbers.is_empty() && !field.is_required {
        return None;
    }
    // Each of very many would be read otherwise.
    if numbers.len() > *max {
        wrong.push(FieldError { field: field.name.clone(), why: format!("At most {max} items.") });
        return None;
    }
    Some(numbers.into_iter().filter_map(|number| one(&items.item(number), filled, wrong)).collect())
}
