//! What fields hold to show a value: the other way round.

use serde_json::Value;

use super::{FormField, Input, field::ITEMS_MAX};

/// What the fields hold to show this value: the other way round. Secrets stay empty.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"month": {"type": "integer"}}});
/// assert_eq!(form::filled(&form::fields(&schema), &json!({"month": 3})), [("month".into(), "3".into())]);
/// ```
pub fn filled(fields: &[FormField], value: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for field in fields {
        let of_field = if field.name.is_empty() { Some(value) } else { value.get(field.key()) };
        if let Some(of_field) = of_field {
            fill(field, of_field, &mut all);
        }
    }
    all
}

/// What the field holds to show this value.
pub(super) fn fill(field: &FormField, value: &Value, all: &mut Vec<(String, String)>) {
    match (&field.input, value) {
        (_, Value::Null) => {}
        (Input::Group(fields), value) => all.extend(filled(fields, value)),
        (Input::Variants(variants), value) => {
            if let Some(variant) = variants.iter().find(|variant| variant.is(value)) {
                all.push((field.name.clone(), variant.text()));
                all.extend(filled(&variant.fields, value));
            }
        }
        (Input::Items(items), Value::Array(values)) => {
            let numbers: Vec<String> = (0..values.len()).map(|number| number.to_string()).collect();
            all.push((field.name.clone(), numbers.join("\n")));
            for (number, value) in values.iter().enumerate() {
                fill(&items.item(number), value, all);
            }
        }
        (_, value) => all.extend(field.text_of(value).map(|text| (field.name.clone(), text))),
    }
}

/// Whether a form can show this value: a list with more than 100 items that have fields is shown as JSON.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"rows": {"type": "array", "items": {"properties": {"n": {"type": "integer"}}}}}});
/// let fields = form::fields(&schema);
/// assert!(form::can_show(&fields, &json!({"rows": [{"n": 1}]})));
/// assert!(!form::can_show(&fields, &json!({"rows": vec![json!({"n": 1}); 101]})));
/// ```
pub fn can_show(fields: &[FormField], value: &Value) -> bool {
    fields.iter().all(|field| {
        let of_field = if field.name.is_empty() { Some(value) } else { value.get(field.key()) };
        of_field.is_none_or(|value| can_fill(field, value))
    })
}

fn can_fill(field: &FormField, value: &Value) -> bool {
    match (&field.input, value) {
        (Input::Group(fields), value) => can_show(fields, value),
        (Input::Variants(variants), value) => {
            variants.iter().filter(|variant| variant.is(value)).all(|variant| can_show(&variant.fields, value))
        }
        (Input::Items(items), Value::Array(values)) => {
            values.len() <= ITEMS_MAX && values.iter().all(|value| can_fill(&items.item(0), value))
        }
        _ => true,
    }
}
