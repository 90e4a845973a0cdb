//! What a run is asked, from flags.

use clap::Args;
use serde_json::{Value, json};

use super::flags::{field_type, fields};
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
    /// of a field; `--lines.0.article lamp` for a field of the first item of a list; `--urgent` for `true`.
    #[arg(value_name = "FIELD", trailing_var_arg = true, allow_hyphen_values = true)]
    fields: Vec<String>,
}

impl Metadata {
    /// `None`: nothing was said.
    pub(super) fn whole(&self, session: &mut Session<'_>) -> Result<Option<Value>, CliError> {
        let Some(text) = self.metadata.as_deref() else { return Ok(None) };
        let text = match text.strip_prefix('@') {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| CliError::Usage(format!("`{file}` cannot be read: {error}")))?,
            None if text == "-" => session.terminal.read_all()?,
            None => text.to_owned(),
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|error| CliError::Usage(format!("--metadata is no JSON: {error}")))
    }
}

/// The metadata that a command line asks for.
pub(super) async fn metadata(whole: &Metadata, asked: &Asked, session: &mut Session<'_>) -> Result<Value, CliError> {
    let mut metadata = whole.whole(session)?.unwrap_or_default();
    if asked.fields.is_empty() && !metadata.is_null() {
        return Ok(metadata);
    }
    let schema = match session.get(&format!("/kinds/{}", segment(&asked.kind))).await {
        Ok(kind) => kind["schema"]["metadata"].clone(),
        // Nothing is known of it yet; whether there is such a kind is said when the run is enqueued.
        Err(CliError::NotFound(_)) => Value::Null,
        Err(error) => return Err(error),
    };
    if metadata.is_null() && !fields(&schema).is_empty() {
        // Of an object without fields it is said which are needed.
        metadata = json!({});
    }
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
        if path.iter().any(String::is_empty) {
            return Err(CliError::Usage(format!("`{name}` has a part without a name")));
        }
        if kind.is_none() && !fields(&schema).is_empty() && path.len() == 1 {
            let known = fields(&schema).join(", ");
            return Err(CliError::Usage(format!("{} has no field `{name}`; it has: {known}", asked.kind)));
        }
        if let Some(text) = text.filter(|text| kind != Some("string") && text.starts_with(['[', '{']))
            && let Err(error) = serde_json::from_str::<Value>(text)
        {
            return Err(CliError::Usage(format!("`{name}` is no JSON: {error}")));
        }
        put(&mut metadata, &steps(&schema, &path), read(text, kind), kind == Some("array"))
            .map_err(|why| CliError::Usage(format!("`{name}` {why}")))?;
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

/// A part of the way to a value.
enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

/// Without a schema a number is the name of a field.
fn steps<'a>(schema: &Value, path: &'a [String]) -> Vec<Step<'a>> {
    let step = |at: usize| match path[at].parse() {
        Ok(number) if field_type(schema, &path[..at]) == Some("array") => Step::Item(number),
        _ => Step::Field(&path[at]),
    };
    (0..path.len()).map(step).collect()
}

fn put(into: &mut Value, path: &[Step<'_>], value: Value, appends: bool) -> Result<(), String> {
    match path.split_first() {
        None => {
            match into {
                Value::Array(items) if appends && !value.is_array() => items.push(value),
                _ if appends && !value.is_array() => *into = json!([value]),
                _ => *into = value,
            }
            Ok(())
        }
        Some((Step::Field(name), rest)) => {
            if into.is_null() {
                *into = json!({});
            }
            let fields = into.as_object_mut().ok_or("goes into something that has no fields")?;
            put(fields.entry(*name).or_insert(Value::Null), rest, value, appends)
        }
        Some((Step::Item(number), rest)) => {
            if into.is_null() {
                *into = json!([]);
            }
            let items = into.as_array_mut().ok_or("goes into something that is no list")?;
            if *number > items.len() {
                return Err(format!("is of item {number}, and there is no item {} before it", items.len()));
            }
            if *number == items.len() {
                items.push(Value::Null);
            }
            put(&mut items[*number], rest, value, appends)
        }
    }
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
        let line = json!({"type": "object", "properties": {
            "article": {"type": "string"}, "codes": {"type": "array", "items": {"type": "integer"}}
        }});
        let schema = json!({"properties": {
            "filter": {"type": "object"}, "to": {"type": "array"}, "lines": {"type": "array", "items": line}
        }});
        let fill = |flags: &[(&str, Value)]| {
            let mut value = Value::Null;
            for (name, text) in flags {
                let path = path_of(name);
                let appends = field_type(&schema, &path) == Some("array");
                put(&mut value, &steps(&schema, &path), text.clone(), appends)?;
            }
            Ok::<_, String>(value)
        };
        let filled = fill(&[
            ("filter.year", json!(2026)),
            ("filter.0", json!("zero")),
            ("to", json!("a")),
            ("to", json!("b")),
            ("lines.0.article", json!("lamp")),
            ("lines.0.codes", json!(7)),
            ("lines.0.codes", json!(8)),
            ("lines.1.article", json!("bulb")),
            ("lines", json!({"article": "cable"})),
        ]);
        let expected = json!({
            "filter": {"year": 2026, "0": "zero"}, "to": ["a", "b"],
            "lines": [{"article": "lamp", "codes": [7, 8]}, {"article": "bulb"}, {"article": "cable"}]
        });
        assert_eq!(filled, Ok(expected));
        assert_eq!(fill(&[("to", json!("a")), ("to", json!(["b"]))]), Ok(json!({"to": ["b"]})), "a whole list");
        for (flags, why) in [
            (&[("to", json!("a")), ("to.x", json!(1))][..], "no fields"),
            (&[("filter", json!(7)), ("filter.a", json!(1))], "no fields"),
            (&[("lines.1.article", json!("lamp"))], "there is no item 0 before it"),
        ] {
            assert!(fill(flags).unwrap_err().contains(why), "{why}");
        }
        assert_eq!(field_type(&schema, &path_of("lines.3.article")), Some("string"));
    }
}
