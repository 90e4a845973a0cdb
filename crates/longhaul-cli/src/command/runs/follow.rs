//! A run as it goes on.

use std::time::Duration;

use clap::Args;
use longhaul_inspect::words;
use serde_json::Value;

use super::{
    list::progress,
    show::{clock, history_line, value},
};
use crate::{
    error::{CliError, Exit},
    escape,
    session::{Format, Session, items, plain},
};

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Wait {
    /// The run: its id, or the beginning or the end of it.
    #[arg(value_name = "RUN")]
    pub(super) id: String,
    #[command(flatten)]
    pub(super) limit: TimeLimit,
}

/// How long something is waited for.
#[derive(Args, Clone, Debug)]
pub(super) struct TimeLimit {
    /// Gives up after so long, with exit code 6: `90s`, `15m`. The run goes on.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
}

fn duration(text: &str) -> Result<Duration, String> {
    words::read_duration(text).ok_or_else(|| format!("`{text}` is no duration: write 90s, 15m or 1h30m"))
}

impl TimeLimit {
    /// What a command comes to, unless it takes too long.
    #[expect(clippy::disallowed_methods, reason = "somebody waits at a terminal: the time is theirs, not the store's")]
    pub(super) async fn within(
        &self,
        id: &str,
        command: impl Future<Output = Result<Exit, CliError>>,
    ) -> Result<Exit, CliError> {
        let Some(timeout) = self.timeout else { return command.await };
        tokio::time::timeout(timeout, command).await.unwrap_or_else(|_| {
            let text = format!("{id} is not final after {}, and goes on", words::duration(timeout));
            Err(CliError::TimedOut(text))
        })
    }
}

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Logs {
    /// The run: its id, or the beginning or the end of it.
    #[arg(value_name = "RUN")]
    id: String,
    /// Which attempt [default: the latest].
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    /// Goes on until the run is final.
    #[arg(long, short = 'f', conflicts_with = "attempt")]
    follow: bool,
}

fn is_final(detail: &Value) -> bool {
    matches!(detail["run"]["state"].as_str(), Some("completed" | "failed" | "cancelled"))
}

fn exit(detail: &Value) -> Exit {
    if detail["run"]["state"] == "completed" { Exit::Done } else { Exit::Failed }
}

/// The run as soon as it is not what it was.
pub(super) async fn next_change(id: &str, detail: &Value, session: &Session<'_>) -> Result<Value, CliError> {
    let seen = detail["run"]["revision"].as_u64().unwrap_or(0);
    session.api.get(&format!("/runs/{id}"), &format!("seen={seen}")).await
}

pub(super) async fn wait(part: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let id = session.run_id(part).await?;
    let mut detail = session.get(&format!("/runs/{id}")).await?;
    let mut is_told = false;
    while !is_final(&detail) {
        session.can_wait()?;
        if session.is_text() && !is_told && detail["run"]["state"] == "suspended" {
            let why = plain(&detail["explanation"]["text"]);
            session.terminal.remark(&words::sentence(&escape::line(&why)))?;
            is_told = true;
        }
        detail = next_change(&id, &detail, session).await?;
    }
    if !session.is_text() {
        session.json(&detail)?;
        return Ok(exit(&detail));
    }
    end(&detail, session)?;
    Ok(exit(&detail))
}

/// The result alone, so that it can be used; of another end the reason.
pub(super) fn end(detail: &Value, session: &mut Session<'_>) -> Result<(), CliError> {
    let (run, result) = (&detail["run"], &detail["values"]["result"]);
    match run["state"].as_str() {
        Some("completed") if result["value"].is_null() => session.say("completed"),
        Some("completed") => Ok(session.terminal.say(&value(&result["value"]))?),
        Some("failed") => session.say(&format!("failed: {}", plain(&run["failure"]["message"]))),
        _ => session.say(format!("cancelled {}", plain(&run["cancel_reason"])).trim_end()),
    }
}

pub(super) async fn follow(part: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let id = session.run_id(part).await?;
    let mut detail = session.get(&format!("/runs/{id}")).await?;
    let (mut seen, mut log, mut last) = (0, LogPosition::default(), String::new());
    loop {
        if session.is_text() {
            // The end of the run is the last line of its history: what was logged comes before it.
            log.print(&id, session).await?;
            let history = &detail["run"]["history"];
            let lines = items(&history["lines"]);
            let all = lines.len() as u64 + history["dropped"].as_u64().unwrap_or(0);
            let new = (all - seen).min(lines.len() as u64) as usize;
            for line in &lines[lines.len() - new..] {
                session.terminal.say(&history_line(line))?;
            }
            seen = all;
            let progress = progress(&detail["run"]["progress"]);
            if !progress.is_empty() && progress != last && !is_final(&detail) {
                session.say(&format!("  {}", escape::line(&progress)))?;
                last = progress;
            }
        } else if session.format == Format::Jsonl || is_final(&detail) {
            // One value where one is asked for: the last.
            session.json(&detail)?;
        }
        if is_final(&detail) {
            break;
        }
        session.can_wait()?;
        detail = next_change(&id, &detail, session).await?;
    }
    if session.is_text() {
        end(&detail, session)?;
    }
    Ok(exit(&detail))
}

/// How far the log was printed.
#[derive(Default)]
struct LogPosition {
    attempt: Option<u64>,
    next: u64,
}

impl LogPosition {
    async fn print(&mut self, id: &str, session: &mut Session<'_>) -> Result<(), CliError> {
        let log = session.get(&format!("/runs/{id}/log")).await?;
        let attempts: Vec<u64> = items(&log["attempts"]).iter().filter_map(Value::as_u64).collect();
        let from = self.attempt.unwrap_or(0);
        for attempt in attempts.into_iter().filter(|attempt| *attempt >= from) {
            let first = if self.attempt == Some(attempt) { self.next } else { 0 };
            let query = format!("attempt={attempt}&from={first}");
            let log = session.api.get(&format!("/runs/{id}/log"), &query).await?;
            print(&log, session)?;
            (self.attempt, self.next) = (Some(attempt), log["next"].as_u64().unwrap_or(first));
        }
        Ok(())
    }
}

/// With `-f` in JSON, each line is a value of its own.
fn print(log: &Value, session: &mut Session<'_>) -> Result<(), CliError> {
    for line in items(&log["lines"]) {
        if !session.is_text() {
            session.terminal.say(&escape::json(&line.to_string()))?;
            continue;
        }
        let text = format!(
            "{} {:<5} {}: {}",
            clock(&line["at"]),
            plain(&line["level"]),
            plain(&line["target"]),
            plain(&line["text"])
        );
        session.terminal.say(&escape::line(&text))?;
    }
    Ok(())
}

pub(super) async fn logs(logs: &Logs, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let id = session.run_id(&logs.id).await?;
    if logs.follow {
        let mut detail = session.get(&format!("/runs/{id}")).await?;
        let mut position = LogPosition::default();
        loop {
            position.print(&id, session).await?;
            if is_final(&detail) {
                return Ok(Exit::Done);
            }
            session.can_wait()?;
            detail = next_change(&id, &detail, session).await?;
        }
    }
    let query = logs.attempt.map(|attempt| format!("attempt={attempt}")).unwrap_or_default();
    let log = session.api.get(&format!("/runs/{id}/log"), &query).await?;
    let attempts = items(&log["attempts"]);
    if let Some(attempt) = logs.attempt.filter(|attempt| !attempts.iter().any(|there| *there == *attempt)) {
        let there = attempts.iter().map(plain).collect::<Vec<_>>().join(", ");
        let there =
            if there.is_empty() { "there are none of this run".into() } else { format!("there are those of {there}") };
        return Err(CliError::NotFound(format!("no logs of the attempt {attempt} are kept; {there}")));
    }
    if !session.is_text() {
        return session.json(&log["lines"]);
    }
    print(&log, session)?;
    if session.is_text() && items(&log["lines"]).is_empty() {
        session.terminal.remark("Nothing was logged, or the program does not keep the logs of runs.")?;
    }
    let attempts: Vec<String> = items(&log["attempts"]).iter().map(plain).collect();
    if attempts.len() > 1 && session.is_text() {
        session.terminal.remark(&format!("There are logs of the attempts {}: --attempt", attempts.join(", ")))?;
    }
    Ok(Exit::Done)
}
