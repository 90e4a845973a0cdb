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
    Some(place_among(fields, value, way, &filled)?.field)
}

/// A part of a value in a form.
pub(super) struct Place<'w> {
    /// The name of the field.
    pub(super) field: String,
    /// The way on from there, to what has no field of its own.
    pub(super) rest: &'w str,
}

pub(super) fn place_among<'w>(
    fields: &[FormField],
    value: &Value,
    way: &'w str,
    filled: &dyn Fn(&str) -> Option<String>,
) -> Option<Place<'w>> {
    let (first, rest) = way.split_once('.').unwrap_or((way, ""));
    let field = fields.iter().find(|field| field.name.is_empty() || field.key() == first)?;
    if field.name.is_empty() {
        return Some(Place { field: String::new(), rest: way });
    }
    Some(place_at(field, value.get(first).unwrap_or(&Value::Null), rest, filled))
}

fn place_at<'w>(field: &FormField, value: &Value, rest: &'w str, filled: &dyn Fn(&str) -> Option<String>) -> Place<'w> {
    let below = match &field.input {
        Input::Group(fields) => place_among(fields, value, rest, filled),
        Input::Variants(variants) => {
            let variant = variants.iter().find(|variant| variant.is(value));
            variant.and_then(|variant| place_among(&variant.fields, value, rest, filled))
        }
        Input::Items(items) => {
            let (at, rest) = rest.split_once('.').unwrap_or((rest, ""));
            at.parse().ok().and_then(|at: usize| {
                let number = *Items::numbers(&filled(&field.name).unwrap_or_default()).get(at)?;
                Some(place_at(&items.item(number), value.get(at).unwrap_or(&Value::Null), rest, filled))
            })
        }
        _ => None,
    };
    below.unwrap_or_else(|| Place { field: field.name.clone(), rest })
}
