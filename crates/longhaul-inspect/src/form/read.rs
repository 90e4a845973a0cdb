//! The JSON that comes of what was filled in.

use serde_json::{Map, Value};

use super::{FieldError, FormField, Input, Items};

/// The JSON that comes of what was filled in. `filled` has the text of a field; empty is nothing.
///
/// # Errors
/// All fields that are wrong, each with why.
pub fn value(fields: &[FormField], filled: impl Fn(&str) -> Option<String>) -> Result<Value, Vec<FieldError>> {
    let mut wrong = Vec::new();
    let value = match fields {
        [only] if only.name.is_empty() => one(only, &filled, &mut wrong).unwrap_or(Value::Null),
        _ => Value::Object(group(fields, &filled, &mut wrong)),
    };
    if wrong.is_empty() { Ok(value) } else { Err(wrong) }
}

fn group(
    fields: &[FormField],
    filled: &impl Fn(&str) -> Option<String>,
    wrong: &mut Vec<FieldError>,
) -> Map<String, Value> {
    let values = fields.iter().filter_map(|field| Some((field.key().to_owned(), one(field, filled, wrong)?)));
    values.collect()
}

/// `None`: it is left out, and the type's default holds.
fn one(field: &FormField, filled: &impl Fn(&str) -> Option<String>, wrong: &mut Vec<FieldError>) -> Option<Value> {
    if let Input::Group(fields) = &field.input {
        let group = group(fields, filled, wrong);
        return (field.is_required || !group.is_empty()).then_some(Value::Object(group));
    }
    let text = filled(&field.name).filter(|text| !text.is_empty());
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
    filled: &impl Fn(&str) -> Option<String>,
    wrong: &mut Vec<FieldError>,
) -> Option<Value> {
    let (numbers, allowed) = (Items::numbers(text), &items.allowed);
    if numbers.is_empty() && !field.is_required {
        return None;
    }
    let (min, max) = (allowed.start(), allowed.end());
    let bound = match numbers.len() {
        few if few < *min => Some(format!("At least {min}.")),
        many if many > *max => Some(format!("At most {max}.")),
        _ => None,
    };
    if let Some(why) = bound {
        wrong.push(FieldError { field: field.name.clone(), why });
        // Each of very many would be read otherwise.
        return None;
    }
    Some(numbers.into_iter().filter_map(|number| one(&items.item(number), filled, wrong)).collect())
}
