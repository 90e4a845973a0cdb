//! What a run is asked, from flags.

use clap::Args;
use serde_json::{Value, json};

use super::kinds::{field_type, fields};
use crate::{
    error::CliError,
    session::{Session, segment},
};

/// The metadata as a whole.
#[derive(Args, Clone, Debug)]
pub(super) struct Metadata {
    /// The whole metadata as JSON; `@FILE` reads a file, `-` the input.
    #[arg(long, value_name = "JSON|@FILE|-")]
    metadata: Option<String>,
}

/// The kind and the fields of its metadata, at the end of a command line.
#[derive(Args, Clone, Debug)]
pub(super) struct Asked {
    /// The kind. Options of this command stand before it.
    #[arg(value_name = "KIND")]
    pub(super) kind: String,
    /// Fields of the metadata: `--page-size 500`, `--page-size=500` or `page-size=500`; `--filter.year 2026` for a field
    /// of a field; `--urgent` for `true`.
    #[arg(value_name = "FIELD", trailing_var_arg = true, allow_hyphen_values = true)]
    fields: Vec<String>,
}

/// The metadata that a command line asks for.
pub(super) async fn metadata(whole: &Metadata, asked: &Asked, session: &mut Session<'_>) -> Result<Value, CliError> {
    let mut metadata = match whole.metadata.as_deref() {
        None => Value::Null,
        Some(text) => {
            let text = match text.strip_prefix('@') {
                Some(file) => std::fs::read_to_string(file)
                    .map_err(|error| CliError::Usage(format!("`{file}` cannot be read: {error}")))?,
                None if text == "-" => session.terminal.read_all()?,
                None => text.to_owned(),
            };
            serde_json::from_str(&text).map_err(|error| CliError::Usage(format!("--metadata is no JSON: {error}")))?
        }
    };
    if asked.fields.is_empty() {
        return Ok(metadata);
    }
    let schema = match session.get(&format!("/kinds/{}", segment(&asked.kind))).await {
        Ok(kind) => kind["schema"]["metadata"].clone(),
        // Nothing is known of it yet; whether there is such a kind is said when the run is enqueued.
        Err(CliError::NotFound(_)) => Value::Null,
        Err(error) => return Err(error),
    };
    let mut words = asked.fields.iter().peekable();
    while let Some(word) = words.next() {
        let flag = word.strip_prefix("--");
        let (name, text) = match (flag, word.split_once('=')) {
            (_, Some((name, text))) => (name.trim_start_matches("--"), Some(text)),
            (Some(name), None) => {
                let is_switch = field_type(&schema, &path_of(name)) == Some("boolean");
                let follows = words.peek().is_some_and(|next| !next.starts_with("--"));
                let follows =
                    follows && (!is_switch || matches!(words.peek().map(|next| next.as_str()), Some("true" | "false")));
                (name, if follows { words.next().map(String::as_str) } else { None })
            }
            (None, None) => {
                return Err(CliError::Usage(format!("`{word}` is no field: write --field value, or field=value")));
            }
        };
        let path = path_of(name);
        let kind = field_type(&schema, &path);
        if kind.is_none() && !fields(&schema).is_empty() && path.len() == 1 {
            let known = fields(&schema).join(", ");
            return Err(CliError::Usage(format!("{} has no field `{name}`; it has: {known}", asked.kind)));
        }
        put(&mut metadata, &path, read(text, kind), kind == Some("array"))
            .map_err(|()| CliError::Usage(format!("`{name}` goes into something that has no fields")))?;
    }
    Ok(metadata)
}

/// `--page-size` is the field `page_size`: serde's names have no hyphens, unless they are renamed so.
fn path_of(name: &str) -> Vec<String> {
    name.split('.').map(|part| part.replace('-', "_")).collect()
}

/// As the schema says; without one, JSON if it is some, and text if not.
fn read(text: Option<&str>, kind: Option<&str>) -> Value {
    match (text, kind) {
        (None, _) => true.into(),
        (Some(text), Some("string")) => text.into(),
        (Some(text), _) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

fn put(into: &mut Value, path: &[String], value: Value, appends: bool) -> Result<(), ()> {
    let Some((name, rest)) = path.split_first() else {
        match into {
            Value::Array(items) if appends => items.push(value),
            _ if appends && !value.is_array() => *into = json!([value]),
            _ => *into = value,
        }
        return Ok(());
    };
    if into.is_null() {
        *into = json!({});
    }
    let fields = into.as_object_mut().ok_or(())?;
    put(fields.entry(name.clone()).or_insert(Value::Null), rest, value, appends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_the_schema_says() {
        assert_eq!(read(Some("7"), Some("string")), json!("7"));
        assert_eq!(read(Some("7"), Some("integer")), json!(7));
        assert_eq!(read(Some("orders"), None), json!("orders"));
        assert_eq!(read(None, Some("boolean")), json!(true));
        let mut value = Value::Null;
        put(&mut value, &path_of("filter.year"), json!(2026), false).unwrap();
        put(&mut value, &path_of("to"), json!("a"), true).unwrap();
        put(&mut value, &path_of("to"), json!("b"), true).unwrap();
        assert_eq!(value, json!({"filter": {"year": 2026}, "to": ["a", "b"]}));
        assert_eq!(put(&mut json!(7), &path_of("a"), json!(1), false), Err(()));
    }
}
