//! Kinds.

use clap::Subcommand;
use longhaul_inspect::render;
use serde_json::{Value, json};

use super::pausing::Pausing;
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

/// References that are followed.
const DEPTH: usize = 16;
/// Fields of fields of fields are written as JSON.
const FLAG_DEPTH: usize = 2;

pub(super) async fn run(command: Kinds, session: &mut Session<'_>) -> Result<Exit, CliError> {
    match command {
        Kinds::Ls => list(session).await,
        Kinds::Schema { kind } => schema(&kind, session).await,
        Kinds::Pause { kind, pausing } => super::queues::pause("kinds", &kind, &pausing, session).await,
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
    let mut table = Table::new(&["KIND", "SERVERS", "VERSION", "WAITING", "RUNNING", "FAILED", "FORM", "PAUSED"]);
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
        let until = if paused["until"].is_null() { "resumed".into() } else { session.relative(&paused["until"]) };
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
    let control = session.post(&path, "", &pausing.body(session.api.now())?).await?;
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
        let required = if is_required { "" } else { ", optional" };
        let about = plain(schema.get("description").unwrap_or(&target["description"]));
        lines.push(format!("--{name:<20} {}{required}  {about}", type_of(target).unwrap_or("value")));
        lines.extend(flags(root, target, &format!("{name}."), depth + 1));
        if let Some(item) = target.get("items") {
            lines.extend(flags(root, item, &format!("{name}.0."), depth + 1));
        }
    }
    lines
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
