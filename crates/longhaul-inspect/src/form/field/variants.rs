//! Variants with fields: an enum that is tagged, inside or outside of its fields.

use serde_json::Value;

use super::{Choice, FormField, readable, resolve};

/// A variant, with its fields.
///
/// ```
/// use longhaul_inspect::form::{self, Input};
/// use serde_json::json;
///
/// let schema = json!({"properties": {"to": {"oneOf": [
///     {"properties": {"type": {"const": "mail"}, "address": {"type": "string"}}, "required": ["type", "address"]},
///     {"properties": {"type": {"const": "nobody"}}, "required": ["type"]},
/// ]}}});
/// let fields = form::fields(&schema);
/// let Input::Variants(variants) = &fields[0].input else { panic!("it has variants") };
/// assert_eq!((variants[0].text(), variants[0].fields[0].name.as_str()), ("mail".into(), "to.mail.address"));
///
/// let filled = |name: &str| match name {
///     "to" => Some("mail".into()),
///     "to.mail.address" => Some("ann@example.org".into()),
///     _ => None,
/// };
/// assert_eq!(form::value(&schema, filled), Ok(json!({"to": {"type": "mail", "address": "ann@example.org"}})));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Variant {
    /// Its name, and what it means.
    pub choice: Choice,
    /// What stands before it.
    pub label: String,
    /// The field that has its name, if that is among the others.
    pub(in crate::form) tag: Option<String>,
    /// What it has.
    pub fields: Vec<FormField>,
}

impl Variant {
    /// What a form sends for it.
    pub fn text(&self) -> String {
        self.choice.text()
    }

    /// Whether a value is one of this variant.
    pub(in crate::form) fn is(&self, value: &Value) -> bool {
        match (&self.tag, &self.choice.value) {
            (Some(tag), name) => value.get(tag) == Some(name),
            (None, name) if self.fields.is_empty() => value == name,
            (None, name) => name.as_str().is_some_and(|name| value.get(name).is_some()),
        }
    }
}

/// The variants of a schema; `None`: it has none that a form could show.
pub(super) fn variants(name: &str, schema: &Value, root: &Value, depth: usize) -> Option<Vec<Variant>> {
    if schema.get("properties").is_some() {
        return None;
    }
    let mut all = Vec::new();
    for part in schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()? {
        let resolved = resolve(part, root);
        let help = || [part, resolved].iter().find_map(|part| Some(part.get("description")?.as_str()?.to_owned()));
        let unit = |value: &Value| Variant {
            label: readable(&Choice { value: value.clone(), help: None }.text()),
            choice: Choice { value: value.clone(), help: help() },
            tag: None,
            fields: Vec::new(),
        };
        if let Some(value) = resolved.get("const") {
            all.push(unit(value));
        } else if let Some(values) = resolved.get("enum").and_then(Value::as_array) {
            all.extend(values.iter().map(unit));
        } else if resolved.get("type").and_then(Value::as_str) == Some("null") {
            // An optional one: to choose none is to leave it out.
        } else {
            all.push(with_fields(name, resolved, root, depth, help())?);
        }
    }
    // A name with a dot would be taken for a way.
    let is_clear = |variant: &Variant| !variant.text().is_empty() && !variant.text().contains('.');
    let has_fields = all.iter().any(|variant| !variant.fields.is_empty() || variant.tag.is_some());
    (has_fields && all.iter().all(is_clear)).then_some(all)
}

fn with_fields(name: &str, schema: &Value, root: &Value, depth: usize, help: Option<String>) -> Option<Variant> {
    let properties = schema.get("properties")?.as_object()?;
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |key: &str| required.is_some_and(|all| all.iter().any(|one| one == key));
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    let constant = properties.iter().find_map(|(key, schema)| Some((key, resolve(schema, root).get("const")?)));
    if let Some((tag, value)) = constant {
        let choice = Choice { value: value.clone(), help };
        let text = choice.text();
        let others = properties.iter().filter(|(key, _)| *key != tag);
        let field = |(key, schema): (&String, &Value)| {
            FormField::of(&below(&format!("{text}.{key}")), key, schema, root, is_required(key), depth + 1)
        };
        let fields = others.map(field).collect();
        return Some(Variant { label: readable(&text), choice, tag: Some(tag.clone()), fields });
    }
    // The name of the variant is the name of its only field.
    let mut all = properties.iter();
    let (Some((key, inner)), None) = (all.next(), all.next()) else { return None };
    let field = FormField::of(&below(key), key, inner, root, true, depth + 1);
    let choice = Choice { value: key.as_str().into(), help };
    is_required(key).then(|| Variant { label: readable(key), choice, tag: None, fields: vec![field] })
}
