//! Queues.

use std::time::Duration;

use clap::{Args, Subcommand};
use longhaul_inspect::words;
use serde_json::{Value, json};

use super::pausing::Pausing;
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
    /// How many may run at the same time.
    #[arg(long, value_name = "N")]
    running: Option<u32>,
    /// How many may start in a period: `100/60s`, `10/1m`.
    #[arg(long, value_name = "N/PERIOD")]
    rate: Option<String>,
    /// The share of the queue beside others: 2 gets twice as much as 1.
    #[arg(long, value_name = "N")]
    weight: Option<u16>,
    /// The priority of a run grows by one level for each so long that it waits: `10m`, `1h30m`.
    #[arg(long, value_name = "PERIOD")]
    ageing: Option<String>,
    /// Runs of the same priority take turns by their limit keys.
    #[arg(long)]
    fair_by_key: bool,
    /// The limits that the code declares hold again.
    #[arg(long, conflicts_with_all = ["running", "rate", "weight", "ageing", "fair_by_key"])]
    reset: bool,
}

pub(super) async fn run(command: Queues, session: &mut Session<'_>) -> Result<Exit, CliError> {
    match command {
        Queues::Ls => list(session).await,
        Queues::Pause { queue, pausing } => pause("queues", &queue, &pausing, session).await,
        Queues::Resume { queue } => resume("queues", &queue, session).await,
        Queues::Set(set) => limit(set, session).await,
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
                limits(&control["limits"]),
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

/// `4 running, 100/60s, weight 2, one level per 10 min, fair by key`
fn limits(limits: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(running) = limits["running"].as_u64() {
        parts.push(format!("{running} running"));
    }
    if let Some(max) = limits["rate"]["max"].as_u64() {
        parts.push(format!("{max}/{}s", plain(&limits["rate"]["per_seconds"]).trim_end_matches(".0")));
    }
    if let Some(weight) = limits["weight"].as_u64() {
        parts.push(format!("weight {weight}"));
    }
    if let Some(step) = limits["ageing_seconds"].as_f64() {
        let step = Duration::try_from_secs_f64(step).map_or_else(|_| format!("{step} s"), words::duration);
        parts.push(format!("one level per {step}"));
    }
    if limits["fair_by_key"] == true {
        parts.push("fair by key".to_owned());
    }
    parts.join(", ")
}

/// `what`: `queues` or `kinds`.
pub(super) async fn pause(
    what: &str,
    name: &str,
    pausing: &Pausing,
    session: &mut Session<'_>,
) -> Result<Exit, CliError> {
    let body = pausing.body(session.api.now())?;
    let control = session.post(&format!("/{what}/{}/pause", segment(name)), "", &body).await?;
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

async fn limit(set: Set, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let is_order = set.ageing.is_some() || set.fair_by_key;
    if !set.reset && set.running.is_none() && set.rate.is_none() && set.weight.is_none() && !is_order {
        return Err(CliError::Usage(
            "which limit? --running, --rate, --weight, --ageing or --fair-by-key; --reset for those of the code".into(),
        ));
    }
    let rate = set.rate.as_deref().map(rate).transpose()?;
    let ageing = set.ageing.as_deref().map(ageing).transpose()?;
    let wanted = json!({
        "running": set.running, "rate": rate, "weight": set.weight, "ageing_seconds": ageing,
        "fair_by_key": set.fair_by_key,
    });
    let body = if set.reset { Value::Null } else { wanted };
    let control = session.post(&format!("/queues/{}/limit", segment(&set.queue)), "", &body).await?;
    if !session.is_text() {
        return session.json(&control);
    }
    let limits = limits(&control["limits"]);
    let limits = if limits.is_empty() { "no limits".to_owned() } else { limits };
    session.say(&format!("{}: {limits}", set.queue))?;
    Ok(Exit::Done)
}

/// `10m`, `1h30m`, in seconds.
fn ageing(text: &str) -> Result<f64, CliError> {
    let read = words::read_duration(text).map(|step| step.as_secs_f64());
    read.ok_or_else(|| CliError::Usage(format!("`{text}` is no time for a level: write 90s, 10m or 1h30m")))
}

/// `100/60s`, `10/1m`, `5/h`.
fn rate(text: &str) -> Result<Value, CliError> {
    let read = || {
        let (max, period) = text.split_once('/')?;
        let (number, unit) = period.split_at(period.find(|c: char| !c.is_ascii_digit())?);
        let number: u32 = if number.is_empty() { 1 } else { number.parse().ok()? };
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        Some(json!({ "max": max.parse::<u32>().ok()?, "per_seconds": f64::from(number) * f64::from(unit) }))
    };
    read().ok_or_else(|| CliError::Usage(format!("`{text}` is no rate: write 100/60s, 10/1m or 5/h")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_number_and_a_period() {
        assert_eq!(rate("100/60s").unwrap(), json!({"max": 100, "per_seconds": 60.0}));
        assert_eq!(rate("5/h").unwrap(), json!({"max": 5, "per_seconds": 3600.0}));
        for wrong in ["", "5", "5/", "/s", "5/6", "x/1s", "-1/s", "5/1d", "5/99999999999s"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
