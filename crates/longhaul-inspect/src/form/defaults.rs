//! What fields hold at first.

use super::{FormField, Input, Items, fill::fill};

/// What the fields of a schema hold at first: what its defaults say.
///
/// ```
/// use longhaul_inspect::form;
/// use serde_json::json;
///
/// let schema = json!({"properties": {"copies": {"type": "integer", "default": 1}, "note": {"type": "string"}}});
/// assert_eq!(form::defaults(&form::fields(&schema)), [("copies".into(), "1".into())]);
/// ```
pub fn defaults(fields: &[FormField]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for field in fields {
        let mut of_field = Vec::new();
        match (&field.default, &field.input) {
            (Some(default), _) => fill(field, default, &mut of_field),
            (None, Input::Items(items)) if field.is_required => of_field = fewest(field, items),
            _ => {}
        }
        // What a group as a whole says goes before what its fields say.
        let below = match &field.input {
            Input::Group(fields) => defaults(fields),
            Input::Variants(variants) => variants.iter().flat_map(|variant| defaults(&variant.fields)).collect(),
            _ => Vec::new(),
        };
        let is_new = |(name, _): &(String, String)| !of_field.iter().any(|(known, _)| known == name);
        let below: Vec<_> = below.into_iter().filter(is_new).collect();
        all.extend(of_field.into_iter().chain(below));
    }
    all
}

/// As many items as there have to be.
fn fewest(field: &FormField, items: &Items) -> Vec<(String, String)> {
    let numbers = 0..*items.allowed.start();
    let lines = numbers.clone().map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
    std::iter::once((field.name.clone(), lines)).chain(numbers.flat_map(|at| defaults(&[items.item(at)]))).collect()
}
