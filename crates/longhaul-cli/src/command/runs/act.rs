//! What is done to runs that are named.

use clap::Args;
use longhaul_inspect::words::short;
use serde_json::{Map, Value, json};

use super::{
    filter::Filter,
    many::{self, Many},
};
use crate::{
    error::{CliError, Exit},
    escape,
    session::{Care, Session, capital, instant, items, plain},
};

/// Runs that are named.
#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Named {
    /// The runs: their ids, or the beginnings or the ends of them.
    #[arg(value_name = "RUN", required = true)]
    ids: Vec<String>,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    care: Care,
}

/// Runs that are named, or all that match.
#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Act {
    /// The runs: their ids, or the beginnings or the ends of them. Without them, filters choose.
    #[arg(value_name = "RUN")]
    ids: Vec<String>,
    /// All runs, without a filter.
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Does not wait for the run that does it, where a server executes such runs.
    #[arg(long)]
    no_wait: bool,
    /// Why, for the history.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    care: Care,
    #[command(flatten, next_help_heading = "Which of them, in place of names")]
    filter: Filter,
}

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Proceed {
    /// When they go on: `2026-11-20T21:00:00Z` [default: now].
    #[arg(long, value_name = "TIME", value_parser = instant)]
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

/// What is done to no more than are named.
pub(super) async fn run_named(action: &'static str, named: Named, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let Named { ids, reason, care } = named;
    act_on_named(action, &with_reason(Map::new(), reason), &ids, &care, session).await
}

async fn with_body(
    action: &'static str,
    body: Map<String, Value>,
    act: Act,
    session: &mut Session<'_>,
) -> Result<Exit, CliError> {
    let Act { ids, all, no_wait, reason, care, filter } = act;
    let body = with_reason(body, reason);
    match (ids.is_empty(), all || !filter.is_empty()) {
        (false, true) => Err(CliError::Usage("either runs are named, or filters choose them".into())),
        (false, false) => act_on_named(action, &body, &ids, &care, session).await,
        (true, true) => many::run(action, &body, &Many { filter, care, no_wait }, session).await,
        (true, false) => {
            Err(CliError::Usage("which runs? Name them, choose by --state, --kind …, or say --all".into()))
        }
    }
}

fn with_reason(mut body: Map<String, Value>, reason: Option<String>) -> Value {
    body.extend(reason.map(|reason| ("reason".to_owned(), json!(reason))));
    Value::Object(body)
}

async fn act_on_named(
    action: &str,
    body: &Value,
    named: &[String],
    care: &Care,
    session: &mut Session<'_>,
) -> Result<Exit, CliError> {
    // All ids are looked up before anything is done, so that a slip in one of them does nothing.
    let mut ids = Vec::new();
    for part in named {
        ids.push(session.run_id(part).await?);
    }
    ids.dedup();
    if care.dry_run {
        return dry_run(action, &ids, session).await;
    }
    if destroys(action) {
        let which = match &ids[..] {
            [id] => id.clone(),
            ids => format!("{} runs", ids.len()),
        };
        let verb = capital(action);
        if !session.is_confirmed(care, &format!("{verb} {which}?"))? {
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

/// What cannot be taken back.
fn destroys(action: &str) -> bool {
    matches!(action, "cancel" | "delete")
}
