//! What a form says, as requests have it.

use std::collections::BTreeMap;

use longhaul::Timestamp;
use longhaul_inspect::{
    InspectError, KindView, REDACTED, TimeBound,
    form::{self, FieldError},
};
use serde_json::Value;

use super::items;
use crate::{
    form::Form,
    page::fields::{self, Wrong},
};

/// What the run is asked, from the fields of its schema or from JSON.
pub(super) fn metadata(kinds: &[KindView], form: &Form) -> Result<Value, Wrong> {
    let Some(schema) = fields::schema_of(kinds, form) else {
        let text = form.get("metadata").unwrap_or("null");
        let metadata = serde_json::from_str(text);
        return without_redacted(metadata.map_err(|error| wrong("metadata", format!("This is no JSON: {error}.")))?);
    };
    let mut form = form.clone();
    items::complete(&mut form, &form::fields(schema));
    let named = |error: FieldError| (format!("{}{}", fields::PREFIX, error.field), error.why);
    let metadata = form::value(schema, |name| filled(&form, name));
    without_redacted(metadata.map_err(|all| all.into_iter().map(named).collect::<Wrong>())?)
}

/// Whether two forms of the kind say something else of the metadata. A secret that is left empty says nothing.
pub(super) fn metadata_differs(kinds: &[KindView], before: &Form, now: &Form) -> bool {
    let complete = |form: &Form, fields: &[form::FormField]| {
        let mut form = form.clone();
        items::complete(&mut form, fields);
        form
    };
    match fields::schema_of(kinds, now) {
        Some(schema) => {
            let fields = form::fields(schema);
            let (before, now) = (complete(before, &fields), complete(now, &fields));
            form::differ(schema, |name| filled(&before, name), |name| filled(&now, name))
        }
        None => metadata(kinds, before) != metadata(kinds, now),
    }
}

/// What a field of the metadata holds. Boxes that are ticked have one name, and are a line each.
fn filled(form: &Form, name: &str) -> Option<String> {
    form.lines(&format!("{}{name}", fields::PREFIX))
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
    match form.get(name).map(|text| (text, text.parse())) {
        None => Ok(None),
        Some((_, Ok(TimeBound::At(at)))) => Ok(Some(at)),
        Some((text, _)) => Err(wrong(name, format!("`{text}` is no time: write one such as 2026-11-20T21:00."))),
    }
}

/// Which field a refusal is about. `Err`: it is about none, and the page is another.
pub(super) fn refused(error: InspectError, kinds: &[KindView], form: &Form) -> Result<(u16, Wrong), InspectError> {
    let (status, text) = (error.status(), error.to_string());
    let wrong = match &error {
        InspectError::Invalid { field, .. } => {
            let field = field.as_deref().unwrap_or("");
            match field.strip_prefix("metadata.") {
                Some(path) => of_metadata(path, text, kinds, form),
                None => (field.to_owned(), text),
            }
        }
        InspectError::NotFound { .. } => ("kind".to_owned(), text),
        InspectError::Refused { .. } => (String::new(), text),
        _ => return Err(error),
    };
    Ok((status, vec![wrong]))
}

/// The field that shows a part of the metadata, or the whole if none does.
fn of_metadata(path: &str, why: String, kinds: &[KindView], form: &Form) -> (String, String) {
    let fields = fields::fields_of(kinds, form).unwrap_or_default();
    let value = metadata(kinds, form).unwrap_or_default();
    match form::field_at(&fields, &value, path, |name| filled(form, name)) {
        Some(field) => (format!("{}{field}", fields::PREFIX), why),
        None => ("metadata".to_owned(), format!("{path}: {why}")),
    }
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
