//! What a form says, as requests have it.

use std::collections::BTreeMap;

use longhaul::Timestamp;
use longhaul_inspect::{InspectError, KindView, REDACTED, TimeBound, form::FieldError};
use serde_json::Value;

use crate::{
    form::Form,
    page::fields::{self, Wrong},
};

/// What the run is asked, from the fields of its schema or from JSON.
pub(super) fn metadata(kinds: &[KindView], form: &Form) -> Result<Value, Wrong> {
    let Some(fields) = fields::fields_of(kinds, form) else {
        let text = form.get("metadata").unwrap_or("null");
        let metadata = serde_json::from_str(text);
        return without_redacted(metadata.map_err(|error| wrong("metadata", format!("This is no JSON: {error}.")))?);
    };
    let filled = |name: &str| form.get(&format!("{}{name}", fields::PREFIX)).map(str::to_owned);
    let named = |error: FieldError| (format!("{}{}", fields::PREFIX, error.field), error.why);
    let metadata = longhaul_inspect::form::value(&fields, filled);
    without_redacted(metadata.map_err(|all| all.into_iter().map(named).collect::<Wrong>())?)
}

fn without_redacted(metadata: Value) -> Result<Value, Wrong> {
    if has_redacted(&metadata) {
        let why = format!("Something was redacted: write what it is in the place of `{REDACTED}`.");
        return Err(wrong("metadata", why));
    }
    Ok(metadata)
}

pub(super) fn wrong(field: &str, why: impl Into<String>) -> Wrong {
    vec![(field.to_owned(), why.into())]
}

/// What is typed with commas between.
pub(super) fn several<'a>(form: &'a Form, name: &str) -> impl Iterator<Item = &'a str> {
    form.get(name).unwrap_or_default().split(',').map(str::trim).filter(|one| !one.is_empty())
}

pub(super) fn tags(form: &Form) -> Result<BTreeMap<String, String>, Wrong> {
    let tag = |tag: &str| match tag.split_once(':') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.trim().to_owned())),
        None => Err(wrong("tags", format!("`{tag}`: a tag is written key:value."))),
    };
    several(form, "tags").map(tag).collect()
}

pub(super) fn priority(form: &Form) -> Result<Option<i8>, Wrong> {
    form.get("priority").map(str::parse).transpose().map_err(|_| wrong("priority", "A number from -128 to 127."))
}

pub(super) fn time(form: &Form, name: &str) -> Result<Option<Timestamp>, Wrong> {
    match form.get(name).map(str::parse).transpose().map_err(|why: String| wrong(name, why))? {
        Some(TimeBound::At(at)) => Ok(Some(at)),
        Some(TimeBound::Ago(_)) => Err(wrong(name, "A time, such as 2026-11-20T21:00.")),
        None => Ok(None),
    }
}

/// Which field a refusal is about. `Err`: it is about none, and the page is another.
pub(super) fn refused(error: InspectError) -> Result<(u16, Wrong), InspectError> {
    let field = match &error {
        InspectError::Invalid { field, .. } => field.as_deref().unwrap_or(""),
        InspectError::NotFound { .. } => "kind",
        InspectError::Refused { .. } => "",
        _ => return Err(error),
    };
    Ok((error.status(), vec![(field.to_owned(), error.to_string())]))
}

/// A run that is to be asked again what another was asked shows what was redacted so; it must not be asked that.
fn has_redacted(value: &Value) -> bool {
    match value {
        Value::String(text) => text == REDACTED,
        Value::Array(items) => items.iter().any(has_redacted),
        Value::Object(fields) => fields.values().any(has_redacted),
        _ => false,
    }
}
