//! What is done to runs: to those that are named, or to all that match.

use clap::Args;
use longhaul_inspect::words::short;
use serde_json::{Map, Value, json};

use super::{filter::Filter, list::total};
use crate::{
    error::{CliError, Exit},
    escape,
    session::{Care, Session, items, plain},
};

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Act {
    /// The runs: their ids, or the beginnings or the ends of them.
    #[arg(value_name = "RUN", required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All runs that match the filters.
    #[arg(long)]
    all: bool,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    care: Care,
    #[command(flatten, next_help_heading = "Which of them, with --all")]
    filter: Filter,
}

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Proceed {
    /// When they go on: `2026-11-20T21:00:00Z` [default: now].
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    act: Act,
}

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Retry {
    /// From the start, and not from the last checkpoint.
    #[arg(long)]
    from_start: bool,
    #[command(flatten)]
    act: Act,
}

pub(super) async fn proceed(proceed: Proceed, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let body = proceed.at.map(|at| ("at".to_owned(), json!(at))).into_iter().collect();
    with_body("proceed", body, proceed.act, session).await
}

pub(super) async fn retry(retry: Retry, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let from = if retry.from_start { "start" } else { "checkpoint" };
    with_body("retry", [("from".to_owned(), json!(from))].into_iter().collect(), retry.act, session).await
}

pub(super) async fn run(action: &'static str, act: Act, session: &mut Session<'_>) -> Result<Exit, CliError> {
    with_body(action, Map::new(), act, session).await
}

async fn with_body(
    action: &'static str,
    mut body: Map<String, Value>,
    act: Act,
    session: &mut Session<'_>,
) -> Result<Exit, CliError> {
    if !act.all && !act.filter.is_empty() {
        return Err(CliError::Usage("filters choose runs together with --all: name runs, or add it".into()));
    }
    if let Some(reason) = &act.reason {
        body.insert("reason".into(), json!(reason));
    }
    let body = Value::Object(body);
    if act.all { matching(action, &body, &act, session).await } else { named(action, &body, &act, session).await }
}

/// What cannot be taken back.
fn destroys(action: &str) -> bool {
    matches!(action, "cancel" | "delete")
}

async fn named(action: &str, body: &Value, act: &Act, session: &mut Session<'_>) -> Result<Exit, CliError> {
    // All ids are looked up before anything is done, so that a slip in one of them does nothing.
    let mut ids = Vec::new();
    for part in &act.ids {
        ids.push(session.run_id(part).await?);
    }
    ids.dedup();
    if act.care.dry_run {
        return dry_run(action, &ids, session).await;
    }
    if destroys(action) {
        let which = match &ids[..] {
            [id] => id.clone(),
            ids => format!("{} runs", ids.len()),
        };
        let verb = capital(action);
        if !session.is_confirmed(&act.care, &format!("{verb} {which}?"))? {
            return Ok(Exit::Failed);
        }
    }
    let (mut answers, mut last, mut failed) = (Vec::new(), None, None);
    for id in ids {
        match session.post(&format!("/runs/{id}/{action}"), "", body).await {
            Ok(done) => {
                if session.is_text() {
                    say_done(&id, &done, session)?;
                }
                last = Some(done["run"].as_str().unwrap_or(&id).to_owned());
                answers.push(done);
            }
            // The others are tried all the same, but for a store that does not answer.
            Err(error @ (CliError::NotFound(_) | CliError::Refused(_))) => {
                session.terminal.remark(&format!("error: {}", escape::line(&error.to_string())))?;
                failed = Some(error.exit());
            }
            Err(error) => return Err(error),
        }
    }
    if !session.is_text() {
        session.json(&Value::Array(answers))?;
    }
    if let (Some(id), true) = (last, action != "delete") {
        let next = if destroys(action) { "show" } else { "follow" };
        session.hint(&format!("runs {next} {}", short(&id)))?;
    }
    Ok(failed.unwrap_or(Exit::Done))
}

fn say_done(id: &str, done: &Value, session: &mut Session<'_>) -> Result<(), CliError> {
    let text = plain(&done["text"]);
    match done["run"].as_str() {
        Some(new) if new != id => session.say(&format!("{}: {text}: {new}", short(id))),
        _ => session.say(&format!("{}: {text}", short(id))),
    }
}

async fn dry_run(action: &str, ids: &[String], session: &mut Session<'_>) -> Result<Exit, CliError> {
    let mut exit = Exit::Done;
    let mut answers = Vec::new();
    for id in ids {
        let detail = session.get(&format!("/runs/{id}")).await?;
        let is_allowed = items(&detail["actions"]).iter().any(|allowed| allowed == action);
        let (kind, state) = (plain(&detail["run"]["kind"]), plain(&detail["run"]["state"]));
        if !is_allowed {
            exit = Exit::Refused;
        }
        if session.is_text() {
            let would = if is_allowed { "would" } else { "cannot" };
            session.say(&format!("{would} {action} {id} ({kind}, {state})"))?;
        }
        answers.push(json!({ "run": id, "action": action, "is_allowed": is_allowed, "state": state }));
    }
    if !session.is_text() {
        session.json(&Value::Array(answers))?;
    }
    Ok(exit)
}

async fn matching(action: &str, body: &Value, act: &Act, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let query = act.filter.query(&[])?;
    let (count, is_all) = total(&act.filter, session).await?;
    let count_text = if is_all { format!("{count}") } else { format!("at least {count}") };
    let runs = if count == 1 && is_all { "run" } else { "runs" };
    if act.care.dry_run {
        if session.is_text() {
            session.say(&format!("would {action} {count_text} {runs}, as far as their states allow it"))?;
        } else {
            session.json(&json!({ "action": action, "matched": count, "is_complete": is_all }))?;
        }
        return Ok(Exit::Done);
    }
    if count == 0 {
        session.terminal.remark("No run matches.")?;
        return Ok(Exit::Done);
    }
    let all = if act.filter.is_empty() { " There is no filter: these are all runs." } else { "" };
    if !session.is_confirmed(&act.care, &format!("{} {count_text} {runs}?{all}", capital(action)))? {
        return Ok(Exit::Failed);
    }
    let selected = session.post(&format!("/runs/all/{action}"), &query.to_string(), body).await?;
    if !session.is_text() {
        return session.json(&selected);
    }
    let refused = items(&selected["refused"]);
    session.say(&format!("{}: {} of {}", action, plain(&selected["done"]), plain(&selected["matched"])))?;
    for refusal in refused.iter().take(10) {
        session.say(&format!("  {}", escape::line(&refusal.to_string())))?;
    }
    if refused.len() > 10 {
        session.say(&format!("  … and {} more", refused.len() - 10))?;
    }
    Ok(Exit::Done)
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}
