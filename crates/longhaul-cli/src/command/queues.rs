//! Queues.

use clap::{Args, Subcommand};
use longhaul_inspect::{LimitRequest, words};
use serde_json::{Value, json};

use super::{
    limiting::{Limits, Setting, described, set},
    pausing::Pausing,
};
use crate::{
    error::{CliError, Exit},
    session::{Session, items, plain, segment},
    table::{Colour, Table},
};

#[derive(Subcommand, Clone, Debug)]
pub(super) enum Queues {
    /// Lists queues: what is due in them, since when, and what holds it back.
    #[command(visible_alias = "list")]
    Ls,
    /// Lets no run of a queue start any more; what runs goes on.
    #[command(after_help = "\
Examples:
  longhaul queues pause mail --reason 'the relay is down'
  longhaul queues pause mail --for 1h30m")]
    Pause {
        /// The queue.
        queue: String,
        #[command(flatten)]
        pausing: Pausing,
    },
    /// Lets runs of a queue start again.
    Resume {
        /// The queue.
        queue: String,
    },
    /// Sets the limits of a queue, and the order of its runs. They replace what was set before; what is left out is not
    /// limited.
    #[command(after_help = "\
Examples:
  longhaul queues set mail --running 4 --rate 100/60s
  longhaul queues set mail --ageing 10m --fair-by-key
  longhaul queues set mail --reset")]
    Set(Set),
}

#[derive(Args, Clone, Debug)]
pub(super) struct Set {
    /// The queue.
    queue: String,
    #[command(flatten)]
    limits: Limits,
    /// The share of the queue beside others: 2 gets twice as much as 1.
    #[arg(long, value_name = "N")]
    weight: Option<u16>,
    /// The priority of a run grows by one level for each so long that it waits: `10m`, `1h30m`.
    #[arg(long, value_name = "PERIOD")]
    ageing: Option<String>,
    /// Runs of the same priority take turns by their limit keys.
    #[arg(long)]
    fair_by_key: bool,
    #[command(flatten)]
    setting: Setting,
}

pub(super) async fn run(command: Queues, session: &mut Session<'_>) -> Result<Exit, CliError> {
    match command {
        Queues::Ls => list(session).await,
        Queues::Pause { queue, pausing } => pause("queues", &queue, &pausing, session).await,
        Queues::Resume { queue } => resume("queues", &queue, session).await,
        Queues::Set(set) => limit(&set, session).await,
    }
}

async fn list(session: &mut Session<'_>) -> Result<Exit, CliError> {
    let queues = session.get("/queues").await?;
    if !session.is_text() {
        return session.json(&queues);
    }
    let mut table = Table::new(&["QUEUE", "DUE", "OLDEST", "RUNNING", "FAILED", "LIMITS", "PAUSED"]);
    for queue in items(&queues) {
        let control = &queue["control"];
        let paused = match &control["paused"] {
            Value::Null => String::new(),
            paused => {
                let end = if paused["until"].is_null() { String::new() } else { session.relative(&paused["until"]) };
                let end = if end.is_empty() { end } else { format!("ends {end} ") };
                format!("{end}by {} {}", plain(&paused["by"]), plain(&paused["why"])).trim_end().to_owned()
            }
        };
        table
            .row([
                plain(&queue["queue"]),
                plain(&queue["due"]),
                session.relative(&queue["oldest"]),
                plain(&queue["states"]["running"]),
                plain(&queue["states"]["failed"]),
                described(&control["limits"]),
                paused,
            ])
            .colour(6, Some(Colour::Yellow));
    }
    if table.is_empty() {
        session.say("There are no queues: nothing was enqueued yet.")?;
        return Ok(Exit::Done);
    }
    session.terminal.table(&table)?;
    Ok(Exit::Done)
}

/// `what`: `queues` or `kinds`.
pub(super) async fn pause(
    what: &str,
    name: &str,
    pausing: &Pausing,
    session: &mut Session<'_>,
) -> Result<Exit, CliError> {
    let body = pausing.body(session.api.now())?;
    let control = session.post(&format!("/{what}/{}/pause", segment(name)), pausing.query(), &body).await;
    let control = control.map_err(CliError::or_new)?;
    if !session.is_text() {
        return session.json(&control);
    }
    session.say(&format!("{name} is paused{}: nothing of it starts; what runs goes on", end(&control)))?;
    session.hint(&format!("{what} resume {name}"))?;
    Ok(Exit::Done)
}

/// When a pause ends by itself.
pub(super) fn end(control: &Value) -> String {
    match &control["paused"]["until"] {
        Value::Null => String::new(),
        until => format!(" until {}", plain(until)),
    }
}

pub(super) async fn resume(what: &str, name: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let control = session.post(&format!("/{what}/{}/resume", segment(name)), "", &json!({})).await?;
    if !session.is_text() {
        return session.json(&control);
    }
    session.say(&format!("{name} is not paused"))?;
    Ok(Exit::Done)
}

async fn limit(set_to: &Set, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let mut request = LimitRequest::default();
    (request.running, request.rate) = (set_to.limits.running, set_to.limits.rate);
    (request.weight, request.fair_by_key) = (set_to.weight, set_to.fair_by_key);
    request.ageing_seconds = set_to.ageing.as_deref().map(ageing).transpose()?;
    set(&format!("/queues/{}/limit", segment(&set_to.queue)), &set_to.queue, &request, &set_to.setting, session).await
}

/// `10m`, `1h30m`, in seconds.
fn ageing(text: &str) -> Result<f64, CliError> {
    let read = words::read_duration(text).map(|step| step.as_secs_f64());
    read.ok_or_else(|| CliError::Usage(format!("`{text}` is no time for a level: write 90s, 10m or 1h30m")))
}
