//! Schedules.

use clap::{Args, Subcommand};
use longhaul_inspect::words::short;
use serde_json::{Value, json};

use crate::{
    error::{CliError, Exit},
    escape,
    session::{Care, Session, items, plain, segment},
    table::{Colour, Table},
};

#[derive(Subcommand, Clone, Debug)]
pub(super) enum Schedules {
    /// Lists schedules with their next instants.
    #[command(visible_alias = "list")]
    Ls,
    /// Shows a schedule with its last runs.
    Show(Name),
    /// Prints the next instants of a schedule, on the clock of its zone.
    #[command(after_help = "Example:\n  longhaul schedules next nightly -n 20")]
    Next {
        /// The schedule.
        #[arg(value_name = "SCHEDULE")]
        name: String,
        /// How many.
        #[arg(short = 'n', long, default_value_t = 5, value_name = "N")]
        number: u64,
    },
    /// Lets a schedule enqueue nothing any more.
    Pause {
        /// The schedule.
        #[arg(value_name = "SCHEDULE")]
        name: String,
        /// Why, for those who look.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lets a schedule enqueue again.
    Resume(Name),
    /// Enqueues a run of a schedule now, beside its instants.
    RunNow(Name),
    /// Removes a schedule that no code declares. Its runs stay.
    #[command(visible_alias = "delete")]
    Rm {
        /// The schedule.
        #[arg(value_name = "SCHEDULE")]
        name: String,
        #[command(flatten)]
        care: Care,
    },
}

#[derive(Args, Clone, Debug)]
pub(super) struct Name {
    /// The schedule.
    #[arg(value_name = "SCHEDULE")]
    name: String,
}

pub(super) async fn run(command: Schedules, session: &mut Session<'_>) -> Result<Exit, CliError> {
    match command {
        Schedules::Ls => list(session).await,
        Schedules::Show(Name { name }) => show(&name, session).await,
        Schedules::Next { name, number } => next(&name, number, session).await,
        Schedules::Pause { name, reason } => act(&name, "pause", &json!({ "reason": reason }), session).await,
        Schedules::Resume(Name { name }) => act(&name, "resume", &json!({}), session).await,
        Schedules::RunNow(Name { name }) => act(&name, "run-now", &json!({}), session).await,
        Schedules::Rm { name, care } => remove(&name, &care, session).await,
    }
}

async fn list(session: &mut Session<'_>) -> Result<Exit, CliError> {
    let schedules = session.get("/schedules").await?;
    if !session.is_text() {
        return session.json(&schedules);
    }
    let mut table = Table::new(&["SCHEDULE", "KIND", "WHEN", "NEXT", "RUNS", "PAUSED"]);
    for schedule in items(&schedules) {
        let paused = match &schedule["paused"] {
            Value::Null => String::new(),
            paused => format!("by {} {}", plain(&paused["by"]), plain(&paused["why"])).trim_end().to_owned(),
        };
        table
            .row([
                plain(&schedule["name"]),
                plain(&schedule["kind"]),
                plain(&schedule["text"]),
                session.relative(&schedule["next"]),
                plain(&schedule["counts"]["enqueued"]),
                paused,
            ])
            .colour(5, Some(Colour::Yellow));
    }
    if table.is_empty() {
        session.say("There are no schedules.")?;
        return Ok(Exit::Done);
    }
    session.terminal.table(&table)?;
    let first = plain(&items(&schedules)[0]["name"]);
    session.hint(&format!("schedules show {first}"))?;
    Ok(Exit::Done)
}

async fn show(name: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let schedule = session.get(&format!("/schedules/{}", segment(name))).await?;
    if !session.is_text() {
        return session.json(&schedule);
    }
    let (counts, instants) = (&schedule["counts"], instants(&schedule));
    session.say(&escape::line(&format!("{}  {}, {}", name, plain(&schedule["kind"]), plain(&schedule["text"]))))?;
    let paused = &schedule["paused"];
    let fields = [
        (
            "paused",
            if paused.is_null() {
                String::new()
            } else {
                format!("by {} at {} {}", plain(&paused["by"]), plain(&paused["at"]), plain(&paused["why"]))
            },
        ),
        ("made by", plain(&schedule["made_by"]["text"])),
        ("queue", plain(&schedule["queue"])),
        ("next", instants.join("\n              ")),
        (
            "runs",
            format!(
                "{} enqueued, {} missed, {} overlapped",
                counts["enqueued"], counts["missed"], counts["overlapped"]
            ),
        ),
        (
            "last runs",
            items(&schedule["last_runs"]).iter().map(|run| short(&plain(run)).to_owned()).collect::<Vec<_>>().join(" "),
        ),
    ];
    for (name, text) in fields {
        if !text.trim().is_empty() {
            session.say(&format!("  {name:<12}{}", text.trim_end()))?;
        }
    }
    session.hint(&format!("schedules next {name} -n 20"))?;
    Ok(Exit::Done)
}

fn instants(schedule: &Value) -> Vec<String> {
    items(&schedule["instants"]).iter().map(|instant| escape::line(&plain(&instant["text"])).into_owned()).collect()
}

async fn next(name: &str, number: u64, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let schedule = session.api.get(&format!("/schedules/{}", segment(name)), &format!("next={number}")).await?;
    if !session.is_text() {
        return session.json(&schedule["instants"]);
    }
    let instants = instants(&schedule);
    if instants.is_empty() {
        session.say("There is none.")?;
    }
    for instant in instants {
        session.say(&instant)?;
    }
    Ok(Exit::Done)
}

async fn act(name: &str, action: &str, body: &Value, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let done = session.post(&format!("/schedules/{}/{action}", segment(name)), "", body).await?;
    if !session.is_text() {
        return session.json(&done);
    }
    match done["run"].as_str() {
        Some(run) => {
            session.say(&format!("{name}: {}: {run}", plain(&done["text"])))?;
            session.hint(&format!("runs follow {}", short(run)))?;
        }
        None => session.say(&format!("{name}: {}", plain(&done["text"])))?,
    }
    Ok(Exit::Done)
}

async fn remove(name: &str, care: &Care, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let schedule = session.get(&format!("/schedules/{}", segment(name))).await?;
    if care.dry_run {
        let is_allowed = items(&schedule["actions"]).iter().any(|action| action == "delete");
        let would = if is_allowed { "would" } else { "cannot" };
        session.say(&format!("{would} delete {name} ({}, {})", plain(&schedule["kind"]), plain(&schedule["text"])))?;
        return Ok(if is_allowed { Exit::Done } else { Exit::Refused });
    }
    if !session.is_confirmed(care, &format!("Delete the schedule {name}?"))? {
        return Ok(Exit::Failed);
    }
    act(name, "delete", &json!({}), session).await
}
