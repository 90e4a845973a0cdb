//! Queues.

use clap::{Args, Subcommand};
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
    /// Sets the limits of a queue. They replace what was set before; what is left out is not limited.
    #[command(after_help = "\
Examples:
  longhaul queues set mail --running 4 --rate 100/60s
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
    /// The limits that the code declares hold again.
    #[arg(long, conflicts_with_all = ["running", "rate", "weight"])]
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

/// `4 running, 100/60s, weight 2`
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
    let end = match &control["paused"]["until"] {
        Value::Null => String::new(),
        until => format!(", until {}", plain(until)),
    };
    session.say(&format!("{name} is paused{end}: nothing of it starts, and what runs goes on"))?;
    session.hint(&format!("{what} resume {name}"))?;
    Ok(Exit::Done)
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
    if !set.reset && set.running.is_none() && set.rate.is_none() && set.weight.is_none() {
        return Err(CliError::Usage(
            "which limit? --running, --rate or --weight; --reset for those of the code".into(),
        ));
    }
    let rate = set.rate.as_deref().map(rate).transpose()?;
    let wanted = json!({ "running": set.running, "rate": rate, "weight": set.weight });
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
