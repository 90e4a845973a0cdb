//! Kinds.

use clap::{Args, Subcommand};
use longhaul_inspect::{LimitRequest, RateRequest, render};
use serde_json::{Value, json};

use super::{
    flags::{fields, flags},
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
    for line in flags(&schema["metadata"]) {
        session.say(escape::line(&line).trim_end())?;
    }
    session.hint(&format!("runs start {kind} …"))?;
    Ok(Exit::Done)
}
