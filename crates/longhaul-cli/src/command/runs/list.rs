//! The list of runs.

use std::num::NonZeroUsize;

use clap::Args;
use longhaul_inspect::words::short;
use serde_json::Value;

use super::filter::Filter;
use crate::{
    error::{CliError, Exit},
    session::{Session, items, plain},
    table::{Colour, Table},
};

/// The largest page that the API gives.
pub(super) const PAGE: usize = 200;

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Ls {
    #[command(flatten)]
    filter: Filter,
    /// The oldest first.
    #[arg(long)]
    oldest: bool,
    /// How many.
    #[arg(long, short = 'n', default_value = "20", value_name = "N")]
    limit: NonZeroUsize,
    /// Whole ids, and all columns.
    #[arg(long, short = 'l')]
    long: bool,
}

pub(super) async fn run(ls: &Ls, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let mut more = vec![];
    if ls.oldest {
        more.push(("order", "oldest".to_owned()));
    }
    let (mut query, limit) = (ls.filter.query(&more)?, ls.limit.get());
    let (mut runs, mut damaged, mut total) = (Vec::new(), Vec::new(), Value::Null);
    loop {
        query.limit = (limit - runs.len()).clamp(1, PAGE);
        let page = session.api.get("/runs", &query.to_string()).await?;
        runs.extend(items(&page["runs"]).iter().cloned());
        damaged.extend(items(&page["damaged"]).iter().cloned());
        total = if total.is_null() { page["total"].clone() } else { total };
        query.after = page["next"].as_str().and_then(|next| next.parse().ok());
        if runs.len() >= limit || query.after.is_none() {
            break;
        }
    }
    runs.truncate(limit);
    for run in &damaged {
        let line = format!("warning: {} cannot be read: {}", plain(&run["id"]), plain(&run["why"]));
        session.terminal.remark(&crate::escape::line(&line))?;
    }
    if !session.is_text() {
        return session.json(&Value::Array(runs));
    }
    if runs.is_empty() {
        session.say(if ls.filter.is_empty() { "There are no runs." } else { "No run matches." })?;
        return Ok(Exit::Done);
    }
    if ls.long {
        session.terminal.wide_table(&long(&runs, session))?;
    } else {
        session.terminal.table(&brief(&runs, session))?;
    }
    let (shown, total) = (runs.len() as u64, total.as_u64());
    match total {
        Some(total) if total > shown => session.say(&format!("{shown} of {total}; more with -n"))?,
        None if query.after.is_some() => session.say(&format!("{shown} runs, and there may be more: -n"))?,
        _ => {}
    }
    let id = plain(&runs[0]["id"]);
    session.hint(&format!("runs show {}", short(&id)))?;
    Ok(Exit::Done)
}

fn brief(runs: &[Value], session: &Session<'_>) -> Table {
    let mut table = Table::new(&["ID", "KIND", "STATE", "SINCE", "TRIES", "PROGRESS"]);
    for run in runs {
        let (id, state) = (plain(&run["id"]), plain(&run["state"]));
        let colour = Colour::of_state(&state);
        let (tries, since) = (plain(&run["attempts"]), session.relative(&run["since"]));
        table
            .row([short(&id).to_owned(), plain(&run["kind"]), state, since, tries, progress(&run["progress"])])
            .colour(2, colour);
    }
    table
}

fn long(runs: &[Value], session: &Session<'_>) -> Table {
    let mut table =
        Table::new(&["ID", "KIND", "QUEUE", "STATE", "SINCE", "ENQUEUED", "DUE", "TRIES", "TAGS", "PROGRESS"]);
    for run in runs {
        let state = plain(&run["state"]);
        let colour = Colour::of_state(&state);
        let tags = items(&run["tags"]).iter().map(|tag| format!("{}:{}", plain(&tag["key"]), plain(&tag["value"])));
        table
            .row([
                plain(&run["id"]),
                plain(&run["kind"]),
                plain(&run["queue"]),
                state,
                session.relative(&run["since"]),
                session.relative(&run["created"]),
                session.relative(&run["due"]),
                plain(&run["attempts"]),
                tags.collect::<Vec<_>>().join(" "),
                progress(&run["progress"]),
            ])
            .colour(3, colour);
    }
    table
}

/// `exporting 45 %`, `exporting 120 rows`.
pub(super) fn progress(progress: &Value) -> String {
    if progress.is_null() {
        return String::new();
    }
    let mut parts = vec![plain(&progress["step"])];
    match (progress["fraction"].as_f64(), progress["done"].as_u64()) {
        (Some(fraction), _) => parts.push(format!("{:.0} %", fraction * 100.0)),
        (None, Some(done)) if done > 0 => parts.push(format!("{done} {}", plain(&progress["unit"]))),
        _ => {}
    }
    parts.push(plain(&progress["message"]));
    parts.retain(|part| !part.trim().is_empty());
    parts.iter().map(|part| part.trim()).collect::<Vec<_>>().join(" ")
}
