//! Kinds.

use clap::{Args, Subcommand};
use longhaul_inspect::{LimitRequest, RateRequest, render};
use serde_json::{Value, json};

use super::{
    limiting::{Limits, Setting, described, set},
    pausing::Pausing,
};
use crate::{
    error::{CliError, Exit},
    escape,
    session::{Session, items, plain, segment},
    table::Table,
};

#[derive(Subcommand, Clone, Debug)]
pub(super) enum Kinds {
    /// Lists kinds with their runs by state.
    #[command(visible_alias = "list")]
    Ls,
    /// Prints the JSON Schema of a kind's metadata, or a list of its fields.
    #[command(after_help = "Example:\n  longhaul kinds schema export -o json")]
    Schema {
        /// The kind.
        kind: String,
    },
    /// Lets no run of a kind start any more; what runs goes on.
    Pause {
        /// The kind.
        kind: String,
        #[command(flatten)]
        pausing: Pausing,
    },
    /// Lets runs of a kind start again.
    Resume {
        /// The kind.
        kind: String,
    },
    /// Sets the limits of a kind. They replace what was set before; what is left out is not limited.
    #[command(after_help = "\
Examples:
  longhaul kinds set export --running 2 --per-key 1
  longhaul kinds set mail --rate 100/60s --rate-per-key 5/1m
  longhaul kinds set mail --reset")]
    Set(Set),
    /// Lists the limit keys that are paused, until when and why.
    Keys,
    /// Lets no run of a kind with this limit key start any more; what runs goes on.
    #[command(after_help = "Example:\n  longhaul kinds pause-key mail 'customer 7' --reason 'too many requests'")]
    PauseKey {
        /// The kind.
        kind: String,
        /// The limit key.
        key: String,
        #[command(flatten)]
        pausing: Pausing,
    },
    /// Lets runs of a kind with this limit key start again.
    ResumeKey {
        /// The kind.
        kind: String,
        /// The limit key.
        key: String,
    },
}

#[derive(Args, Clone, Debug)]
pub(super) struct Set {
    /// The kind.
    kind: String,
    #[command(flatten)]
    limits: Limits,
    /// How many with the same limit key may run at the same time.
    #[arg(long, value_name = "N")]
    per_key: Option<u32>,
    /// How many with the same limit key may start in a period: `5/1m`.
    #[arg(long, value_name = "N/PERIOD")]
    rate_per_key: Option<RateRequest>,
    #[command(flatten)]
    setting: Setting,
}

/// References that are followed.
const DEPTH: usize = 16;
/// Fields of fields of fields are written as JSON.
const FLAG_DEPTH: usize = 2;

pub(super) async fn run(command: Kinds, session: &mut Session<'_>) -> Result<Exit, CliError> {
    match command {
        Kinds::Ls => list(session).await,
        Kinds::Schema { kind } => schema(&kind, session).await,
        Kinds::Pause { kind, pausing } => super::queues::pause("kinds", &kind, &pausing, session).await,
        Kinds::Set(set) => limit(&set, session).await,
        Kinds::Keys => keys(session).await,
        Kinds::PauseKey { kind, key, pausing } => pause_key(&kind, &key, &pausing, session).await,
        Kinds::ResumeKey { kind, key } => resume_key(&kind, &key, session).await,
        Kinds::Resume { kind } => super::queues::resume("kinds", &kind, session).await,
    }
}

async fn list(session: &mut Session<'_>) -> Result<Exit, CliError> {
    let kinds = session.get("/kinds").await?;
    if !session.is_text() {
        return session.json(&kinds);
    }
    let mut table =
        Table::new(&["KIND", "SERVERS", "VERSION", "WAITING", "RUNNING", "FAILED", "FORM", "LIMITS", "PAUSED"]);
    for kind in items(&kinds) {
        let states = &kind["states"];
        let waiting = states["pending"].as_u64().unwrap_or(0) + states["retrying"].as_u64().unwrap_or(0);
        let versions: Vec<String> = items(&kind["versions"]).iter().map(plain).collect();
        table.row([
            plain(&kind["kind"]),
            plain(&kind["servers"]),
            versions.join(","),
            waiting.to_string(),
            plain(&states["running"]),
            plain(&states["failed"]),
            if kind["schema"].is_null() { "no" } else { "yes" }.into(),
            described(&kind["control"]["limits"]),
            plain(&kind["control"]["paused"]["why"]),
        ]);
    }
    if table.is_empty() {
        session.say("There are no kinds: nobody has enqueued or executes anything.")?;
        return Ok(Exit::Done);
    }
    session.terminal.table(&table)?;
    let with_form = items(&kinds).iter().find(|kind| !kind["schema"].is_null());
    if let Some(kind) = with_form {
        session.hint(&format!("kinds schema {}", plain(&kind["kind"])))?;
    }
    Ok(Exit::Done)
}

async fn limit(set_to: &Set, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let mut request = LimitRequest::default();
    (request.running, request.rate) = (set_to.limits.running, set_to.limits.rate);
    (request.per_key, request.rate_per_key) = (set_to.per_key, set_to.rate_per_key);
    set(&format!("/kinds/{}/limit", segment(&set_to.kind)), &set_to.kind, &request, &set_to.setting, session).await
}

async fn keys(session: &mut Session<'_>) -> Result<Exit, CliError> {
    let kinds = session.get("/kinds").await?;
    let of = |kind: &Value| -> Vec<Value> {
        let key = |paused: &Value| json!({ "kind": kind["kind"], "key": paused["key"], "paused": paused["paused"] });
        items(&kind["paused_keys"]).iter().map(key).collect()
    };
    let keys: Vec<Value> = items(&kinds).iter().flat_map(of).collect();
    if !session.is_text() {
        return session.json(&Value::Array(keys));
    }
    let mut table = Table::new(&["KIND", "KEY", "UNTIL", "BY", "WHY"]);
    for key in &keys {
        let paused = &key["paused"];
        let until =
            if paused["until"].is_null() { "somebody resumes it".into() } else { session.relative(&paused["until"]) };
        table.row([plain(&key["kind"]), plain(&key["key"]), until, plain(&paused["by"]), plain(&paused["why"])]);
    }
    if table.is_empty() {
        session.say("No limit key is paused.")?;
        return Ok(Exit::Done);
    }
    session.terminal.table(&table)?;
    session.hint(&format!("kinds resume-key {} '{}'", plain(&keys[0]["kind"]), plain(&keys[0]["key"])))?;
    Ok(Exit::Done)
}

async fn pause_key(kind: &str, key: &str, pausing: &Pausing, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let path = format!("/kinds/{}/keys/{}/pause", segment(kind), segment(key));
    let control = session.post(&path, pausing.query(), &pausing.body(session.api.now())?).await;
    let control = control.map_err(CliError::or_new)?;
    if !session.is_text() {
        return session.json(&control);
    }
    let end = super::queues::end(&control);
    session.say(&format!("{key} of {kind} is paused{end}: nothing of it starts; what runs goes on"))?;
    session.hint(&format!("kinds resume-key {kind} '{key}'"))?;
    Ok(Exit::Done)
}

async fn resume_key(kind: &str, key: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let path = format!("/kinds/{}/keys/{}/resume", segment(kind), segment(key));
    let control = session.post(&path, "", &json!({})).await?;
    if !session.is_text() {
        return session.json(&control);
    }
    session.say(&format!("{key} of {kind} is not paused"))?;
    Ok(Exit::Done)
}

async fn schema(kind: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let answer = session.get(&format!("/kinds/{}", segment(kind))).await?;
    let schema = &answer["schema"];
    if schema.is_null() {
        return Err(CliError::NotFound(format!(
            "`{kind}` publishes no schema: its options say `.schema::<Self>()`, if it does"
        )));
    }
    if !session.is_text() {
        return session.json(schema);
    }
    let fields = fields(&schema["metadata"]);
    if fields.is_empty() {
        let text: String = render::parts(&schema["metadata"]).into_iter().map(|(_, text)| text).collect();
        session.terminal.say(&escape::json(&text))?;
    }
    for line in flags(&schema["metadata"], &schema["metadata"], "", 0) {
        session.say(escape::line(&line).trim_end())?;
    }
    session.hint(&format!("runs start {kind} …"))?;
    Ok(Exit::Done)
}

/// A line for each field: its flag, its type, and what it means. Fields of fields follow, and those of the first item of a
/// list.
fn flags(root: &Value, of: &Value, before: &str, depth: usize) -> Vec<String> {
    let Some(of) = resolved(root, of, 0).filter(|_| depth <= FLAG_DEPTH) else { return Vec::new() };
    let mut lines = Vec::new();
    for (field, schema) in of["properties"].as_object().into_iter().flatten() {
        let Some(target) = resolved(root, schema, 0) else { continue };
        let name = format!("{before}{}", field.replace('_', "-"));
        let is_required = items(&of["required"]).iter().any(|required| *required == *field);
        let required = if is_required { ", required" } else { "" };
        let default = match schema.get("default") {
            Some(Value::Number(_) | Value::Bool(true)) => format!(", {} unless said", schema["default"]),
            Some(Value::String(text)) if !text.is_empty() => format!(", {text} unless said"),
            // Without it there is none.
            _ => String::new(),
        };
        let about = plain(schema.get("description").unwrap_or(&target["description"]));
        lines.push(format!("--{name:<20} {}{required}{default}  {about}", values_of(root, target)));
        lines.extend(flags(root, target, &format!("{name}."), depth + 1));
        if let Some(item) = target.get("items") {
            lines.extend(flags(root, item, &format!("{name}.0."), depth + 1));
        }
    }
    lines
}

/// Which values a field takes: `integer, 1 to 12`, `csv|xlsx`, `string, 1 to 80 characters`.
fn values_of(root: &Value, schema: &Value) -> String {
    let choices: Vec<String> = choices(root, schema);
    if !choices.is_empty() {
        return choices.join("|");
    }
    let kind = type_of(schema).unwrap_or("value");
    let bounds = |least: &str, most: &str| {
        let number = |bound: &str| schema[bound].as_f64().map(|number| number.to_string());
        match (number(least), number(most)) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => String::new(),
        }
    };
    let (format, unit, range) = match kind {
        "integer" | "number" => ("", "", bounds("minimum", "maximum")),
        "string" => (schema["format"].as_str().unwrap_or_default(), " characters", bounds("minLength", "maxLength")),
        "array" => ("", " items", bounds("minItems", "maxItems")),
        _ => ("", "", String::new()),
    };
    // Those of Rust's types of numbers say what nobody wonders about.
    let range = if schema["format"].is_string() && kind == "integer" && schema["maximum"].is_null() {
        String::new()
    } else {
        range
    };
    let kind = if format.is_empty() { kind } else { format };
    if range.is_empty() { kind.to_owned() } else { format!("{kind}, {range}{unit}") }
}

/// The values of an enum without fields.
fn choices(root: &Value, schema: &Value) -> Vec<String> {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(plain).collect();
    }
    let parts = items(&schema["oneOf"]).iter().filter_map(|part| resolved(root, part, 0));
    let values: Option<Vec<Vec<String>>> = parts
        .map(|part| match (part.get("const"), part["enum"].as_array()) {
            (Some(value), _) => Some(vec![plain(value)]),
            (None, Some(values)) => Some(values.iter().map(plain).collect()),
            (None, None) => None,
        })
        .collect();
    values.unwrap_or_default().concat()
}

/// The names of the fields, those of references and parts included.
pub(super) fn fields(schema: &Value) -> Vec<String> {
    let of = resolved(schema, schema, 0).and_then(|schema| schema["properties"].as_object());
    of.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

/// The type of a field; of one that may be null, the other type.
pub(super) fn field_type<'a>(schema: &'a Value, path: &[String]) -> Option<&'a str> {
    let mut at = resolved(schema, schema, 0)?;
    for name in path {
        let is_item = type_of(at) == Some("array") && name.parse::<usize>().is_ok();
        let below = if is_item { at.get("items")? } else { at["properties"].get(name)? };
        at = resolved(schema, below, 0)?;
    }
    Some(type_of(at).unwrap_or("value"))
}

fn type_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(of) => Some(of.as_str()),
        Value::Array(of) => of.iter().filter_map(Value::as_str).find(|of| *of != "null"),
        _ => None,
    }
}

fn resolved<'a>(root: &'a Value, schema: &'a Value, depth: usize) -> Option<&'a Value> {
    if depth > DEPTH {
        return None;
    }
    if let Some(pointer) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        return resolved(root, root.pointer(pointer)?, depth + 1);
    }
    let optional = schema["anyOf"].as_array().and_then(|parts| parts.iter().find(|part| part["type"] != "null"));
    match optional {
        Some(part) => resolved(root, part, depth + 1),
        None => Some(schema),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_says_which_values_it_takes() {
        let root = json!({"$defs": {"Format": {"oneOf": [{"const": "csv"}, {"enum": ["xlsx", "ods"]}]}}});
        for (schema, expected) in [
            (json!({"type": "integer", "minimum": 1, "maximum": 12}), "integer, 1 to 12"),
            (json!({"type": "number", "maximum": 0.5}), "number, at most 0.5"),
            (json!({"type": "integer", "format": "uint64", "minimum": 0}), "integer"),
            (json!({"type": "string", "minLength": 1}), "string, at least 1 characters"),
            (json!({"type": "string", "format": "date"}), "date"),
            (json!({"type": "array", "maxItems": 3}), "array, at most 3 items"),
            (json!({"$ref": "#/$defs/Format"}), "csv|xlsx|ods"),
            (json!({"type": "boolean"}), "boolean"),
        ] {
            let target = resolved(&root, &schema, 0).unwrap();
            assert_eq!(values_of(&root, target), expected, "{schema}");
        }
    }
}
