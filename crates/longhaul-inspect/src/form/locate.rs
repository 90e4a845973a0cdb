//! Which field shows a part of a value.

use serde_json::Value;

use super::{FormField, Input, Items};

/// The name of the field that shows a part of a value, from the way to that part with dots (`people.2.email`, where 2 is
/// the third item); of a part without a field the one around it. `filled` has what was filled in.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"people": {"type": "array", "items": {
///     "properties": {"email": {"type": "string"}},
/// }}}});
/// let (fields, value) = (form::fields(&schema), json!({"people": [{"email": "ann"}, {"email": "bob"}]}));
/// // The item with the number 1 was removed.
/// let filled = |name: &str| (name == "people").then(|| "0\n2".into());
/// assert_eq!(form::field_at(&fields, &value, "people.1.email", filled).as_deref(), Some("people.2.email"));
/// ```
pub fn field_at(
    fields: &[FormField],
    value: &Value,
    way: &str,
    filled: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    name_among(fields, value, way, &filled)
}

fn name_among(
    fields: &[FormField],
    value: &Value,
    way: &str,
    filled: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let (first, rest) = way.split_once('.').unwrap_or((way, ""));
    let field = fields.iter().find(|field| field.name.is_empty() || field.key() == first)?;
    if field.name.is_empty() {
        return Some(String::new());
    }
    Some(name_at(field, value.get(first).unwrap_or(&Value::Null), rest, filled))
}

fn name_at(field: &FormField, value: &Value, rest: &str, filled: &dyn Fn(&str) -> Option<String>) -> String {
    let below = match &field.input {
        Input::Group(fields) => name_among(fields, value, rest, filled),
        Input::Variants(variants) => {
            let variant = variants.iter().find(|variant| variant.is(value));
            variant.and_then(|variant| name_among(&variant.fields, value, rest, filled))
        }
        Input::Items(items) => {
            let (at, rest) = rest.split_once('.').unwrap_or((rest, ""));
            at.parse().ok().and_then(|at: usize| {
                let number = *Items::numbers(&filled(&field.name).unwrap_or_default()).get(at)?;
                Some(name_at(&items.item(number), value.get(at).unwrap_or(&Value::Null), rest, filled))
            })
        }
        _ => None,
    };
    below.unwrap_or_else(|| field.name.clone())
}
