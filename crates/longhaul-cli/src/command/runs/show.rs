//! One run.

use clap::Args;
use longhaul_inspect::{render, words};
use serde_json::Value;

use super::list::progress;
use crate::{
    error::{CliError, Exit},
    escape,
    session::{Session, items, plain, time},
    table::Colour,
};

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Show {
    /// The run: its id, or the beginning or the end of it.
    #[arg(value_name = "RUN")]
    pub(super) id: String,
}

pub(super) async fn run(show: &Show, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let id = session.run_id(&show.id).await?;
    let detail = session.get(&format!("/runs/{id}")).await?;
    if !session.is_text() {
        return session.json(&detail);
    }
    head(&detail, session)?;
    values(&detail["values"], session)?;
    history(&detail["run"]["history"], session)?;
    let actions: Vec<&str> = items(&detail["actions"]).iter().filter_map(Value::as_str).collect();
    let next = match &actions[..] {
        [] => format!("runs logs {}", words::short(&id)),
        _ if detail["run"]["state"] == "completed" => format!("runs logs {}", words::short(&id)),
        actions if actions.contains(&"retry") => format!("runs retry {}", words::short(&id)),
        actions if actions.contains(&"proceed") => format!("runs proceed {}", words::short(&id)),
        _ => format!("runs follow {}", words::short(&id)),
    };
    session.hint(&next)?;
    Ok(Exit::Done)
}

fn head(detail: &Value, session: &mut Session<'_>) -> Result<(), CliError> {
    let run = &detail["run"];
    let state = plain(&run["state"]);
    let painted = session.terminal.paint(&escape::line(&state), Colour::of_state(&state));
    let (id, kind, since) = (plain(&run["id"]), plain(&run["kind"]), session.relative(&run["since"]));
    session.terminal.say(&format!("{} {}  {painted}, {since}", escape::line(&id), escape::line(&kind)))?;
    let mut field = |name: &str, text: String| -> Result<(), CliError> {
        if text.is_empty() { Ok(()) } else { session.say(&format!("  {name:<12}{}", escape::line(&text))) }
    };
    if !matches!(state.as_str(), "completed" | "failed" | "cancelled") {
        field("why", plain(&detail["explanation"]["text"]))?;
    }
    field("progress", progress(&run["progress"]))?;
    field("queue", plain(&run["queue"]))?;
    if run["priority"] != 0 {
        field("priority", plain(&run["priority"]))?;
    }
    field("enqueued", plain(&run["created"]))?;
    field("due", plain(&run["due"]))?;
    field("attempts", plain(&run["attempts"]))?;
    let tags = items(&run["tags"]).iter().map(|tag| format!("{}:{}", plain(&tag["key"]), plain(&tag["value"])));
    field("tags", tags.collect::<Vec<_>>().join(" "))?;
    field("unique key", plain(&run["unique_key"]))?;
    field("retry of", plain(&run["predecessor"]))?;
    field("retried as", plain(&run["successor"]))?;
    field("cancelled", plain(&run["cancel_reason"]))?;
    field("unreadable", plain(&run["incompatible"]))?;
    if !run["failure"].is_null() {
        session.say(&format!("\nFailure ({}):", plain(&run["failure"]["cause"])))?;
        for text in [&run["failure"]["message"], &run["failure"]["details"]] {
            indented(&plain(text), session)?;
        }
    }
    Ok(())
}

fn indented(text: &str, session: &mut Session<'_>) -> Result<(), CliError> {
    for line in text.lines() {
        session.say(&format!("  {line}"))?;
    }
    Ok(())
}

fn values(values: &Value, session: &mut Session<'_>) -> Result<(), CliError> {
    let names = [
        ("metadata", "Metadata"),
        ("execution_metadata", "Execution metadata"),
        ("result", "Result"),
        ("error", "Error"),
    ];
    for (key, name) in names {
        let shown = &values[key];
        if shown.is_null() {
            continue;
        }
        let remark = plain(&shown["text"]);
        let remark = if remark.is_empty() { remark } else { format!(" ({remark})") };
        session.say(&format!("\n{name}:{}", escape::line(&remark)))?;
        if shown["content"] != "hidden" && shown["content"] != "unreadable" {
            indented(&value(&shown["value"]), session)?;
        }
    }
    Ok(())
}

/// A value in lines, escaped.
pub(super) fn value(value: &Value) -> String {
    let text: String = render::parts(value).into_iter().map(|(_, text)| text).collect();
    escape::json(&text)
}

fn history(history: &Value, session: &mut Session<'_>) -> Result<(), CliError> {
    session.say("\nHistory:")?;
    for (at, line) in items(&history["lines"]).iter().enumerate() {
        session.say(&format!("  {}", history_line(line)))?;
        if at == 0 && history["dropped"] != 0 {
            session.say(&format!("  … {} lines are not kept any more", plain(&history["dropped"])))?;
        }
    }
    Ok(())
}

/// `2026-11-20 21:00:07  attempt 1 claimed by …`
pub(super) fn history_line(line: &Value) -> String {
    escape::line(&format!("{}  {}", clock(&line["at"]), without_time(line))).into_owned()
}

/// The text of a history line begins with its time, which is shown shorter.
fn without_time(line: &Value) -> String {
    let (text, at) = (plain(&line["text"]), plain(&line["at"]));
    text.strip_prefix(&at).map_or(text.as_str(), |rest| rest.trim_start_matches([' ', ':'])).to_owned()
}

/// A time to the second, in UTC, which its end says.
pub(super) fn clock(value: &Value) -> String {
    match time(value) {
        Some(at) => at.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).chain(['Z']).collect(),
        None => plain(value),
    }
}

pub(super) async fn explain(show: &Show, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let id = session.run_id(&show.id).await?;
    let detail = session.get(&format!("/runs/{id}")).await?;
    if !session.is_text() {
        return session.json(&detail["explanation"]);
    }
    session.say(&escape::line(&plain(&detail["explanation"]["text"])))?;
    Ok(Exit::Done)
}
