//! Schedules.

use clap::{Args, Subcommand};
use longhaul_inspect::words::{read_duration, short};
use serde_json::{Map, Value, json};

use super::metadata::{Asked, Metadata, metadata};
use crate::{
    error::{CliError, Exit},
    escape,
    session::{Care, Session, instant, items, plain, segment},
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
        #[arg(short = 'n', long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        number: u64,
    },
    /// Makes a schedule.
    #[command(after_help = "\
What follows the kind is the metadata of each run, a field a flag; `longhaul kinds schema KIND` lists them.

Examples:
  longhaul schedules add nightly --cron '0 2 * * *' --zone Europe/Berlin export --table orders
  longhaul schedules add hourly --every 1h export table=orders
  longhaul schedules add new-year --once 2027-01-01T00:00:00Z export --table orders")]
    Add(Add),
    /// Changes when a schedule is due, and where its runs go. What is not said stays.
    #[command(after_help = "\
Examples:
  longhaul schedules set nightly --cron '30 3 * * *'
  longhaul schedules set nightly --no-ending")]
    Set(Set),
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
    /// Leaves one instant of a schedule out.
    #[command(after_help = "Example:\n  longhaul schedules skip nightly 2026-12-25T01:00:00Z --reason Christmas")]
    Skip {
        #[command(flatten)]
        at: InstantOf,
        /// Why, for those who look.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lets one instant of a schedule come at another time.
    #[command(after_help = "Example:\n  longhaul schedules move nightly 2026-12-25T01:00:00Z 2026-12-27T01:00:00Z")]
    Move {
        #[command(flatten)]
        at: InstantOf,
        /// When it comes instead.
        #[arg(value_name = "TIME", value_parser = instant)]
        to: String,
        /// Why, for those who look.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lets an instant that was left out or moved come again when the schedule has it.
    Restore(InstantOf),
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

/// One instant of a schedule.
#[derive(Args, Clone, Debug)]
pub(super) struct InstantOf {
    /// The schedule.
    #[arg(value_name = "SCHEDULE")]
    name: String,
    /// The instant, `2026-12-25T01:00:00Z`: as the schedule has it, or the time that it was moved to.
    #[arg(value_name = "INSTANT", value_parser = instant)]
    instant: String,
}

/// When, and where its runs go.
#[derive(Args, Clone, Debug)]
struct When {
    /// Again and again: `15m`, `1h30m`, `1d`.
    #[arg(long, value_name = "DURATION", group = "when")]
    every: Option<String>,
    /// By the clock: minute, hour, day of month, month, day of week.
    #[arg(long, value_name = "PATTERN", group = "when")]
    cron: Option<String>,
    /// The time zone of --cron [default: UTC].
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Once: `2027-01-01T00:00:00Z`.
    #[arg(long, value_name = "TIME", group = "when", value_parser = instant)]
    once: Option<String>,
    /// No instant before this one; of --every the first.
    #[arg(long, value_name = "TIME", conflicts_with = "once", value_parser = instant)]
    starting: Option<String>,
    /// No instant after this one.
    #[arg(long, value_name = "TIME", conflicts_with = "once", value_parser = instant)]
    ending: Option<String>,
    /// No instant on these dates of its zone (of UTC with --every): `2026-12-25,2026-12-26`, in place of those before;
    /// `none` for none.
    #[arg(long, value_name = "DATES", conflicts_with = "once")]
    except: Option<String>,
    /// What happens when the run before is not finished: `skip`, `queue`, `allow` or `cancel_running` [default: skip].
    #[arg(long, value_name = "WHAT", value_parser = ["skip", "queue", "allow", "cancel_running"])]
    overlap: Option<String>,
    /// What happens to instants at which no server lived: `skip` or `once` [default: once].
    #[arg(long, value_name = "WHAT", value_parser = ["skip", "once"])]
    missed: Option<String>,
    /// Another queue than the kind's.
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// Another priority than the kind's, from -128 to 127; more is sooner.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i8>,
    /// Only servers with this label execute its runs; several times for several.
    #[arg(long, value_name = "LABEL")]
    requires: Vec<String>,
}

#[derive(Args, Clone, Debug)]
pub(super) struct Add {
    #[command(flatten)]
    when: When,
    #[command(flatten)]
    metadata: Metadata,
    /// Shows what would be made.
    #[arg(long)]
    dry_run: bool,
    /// Its name.
    #[arg(value_name = "SCHEDULE")]
    name: String,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Args, Clone, Debug)]
pub(super) struct Set {
    /// The schedule.
    #[arg(value_name = "SCHEDULE")]
    name: String,
    #[command(flatten)]
    when: When,
    /// Removes the time before which there is no instant.
    #[arg(long, conflicts_with_all = ["starting", "once"])]
    no_starting: bool,
    /// Removes the time after which there is no instant.
    #[arg(long, visible_alias = "no-end", conflicts_with_all = ["ending", "once"])]
    no_ending: bool,
    /// Any server executes the runs, whatever its labels.
    #[arg(long, conflicts_with = "requires")]
    no_requires: bool,
    /// What each run is asked, as JSON; `@FILE` reads a file, `-` the input.
    #[command(flatten)]
    metadata: Metadata,
}

impl When {
    /// The part of a request that says when.
    fn request(&self) -> Result<Map<String, Value>, CliError> {
        let seconds = |text: &String| {
            let duration = read_duration(text);
            let duration =
                duration.ok_or_else(|| CliError::Usage(format!("`{text}` is no duration: write 15m, 1h30m or 1d")))?;
            Ok::<_, CliError>(duration.as_secs_f64())
        };
        let dates = |text: &String| {
            let dates = text.split(',').map(str::trim).filter(|date| !date.is_empty() && *date != "none");
            dates.map(str::to_owned).collect::<Vec<_>>()
        };
        let all = json!({
            "ending": self.ending, "except": self.except.as_ref().map(dates),
            "every_seconds": self.every.as_ref().map(seconds).transpose()?, "cron": self.cron, "zone": self.zone,
            "once": self.once, "starting": self.starting, "overlap": self.overlap, "missed": self.missed,
            "queue": self.queue, "priority": self.priority,
            "requires": (!self.requires.is_empty()).then_some(&self.requires),
        });
        let Value::Object(all) = all else { unreachable!("it is an object") };
        Ok(all.into_iter().filter(|(_, value)| !value.is_null()).collect())
    }
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
        Schedules::Add(add) => create(&add, session).await,
        Schedules::Set(set) => change(&set, session).await,
        Schedules::Pause { name, reason } => act(&name, "pause", &json!({ "reason": reason }), session).await,
        Schedules::Resume(Name { name }) => act(&name, "resume", &json!({}), session).await,
        Schedules::RunNow(Name { name }) => act(&name, "run-now", &json!({}), session).await,
        Schedules::Skip { at, reason } => act_on_instant(&at, "skip", &json!({ "reason": reason }), session).await,
        Schedules::Move { at, to, reason } => {
            act_on_instant(&at, "move", &json!({ "to": to, "reason": reason }), session).await
        }
        Schedules::Restore(at) => act_on_instant(&at, "restore", &json!({}), session).await,
        Schedules::Rm { name, care } => remove(&name, &care, session).await,
    }
}

async fn create(add: &Add, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let mut request = add.when.request()?;
    if !["every_seconds", "cron", "once"].iter().any(|key| request.contains_key(*key)) {
        return Err(CliError::Usage("when is it due? --every, --cron or --once".into()));
    }
    request.insert("name".into(), add.name.as_str().into());
    request.insert("kind".into(), add.asked.kind.as_str().into());
    request.insert("metadata".into(), metadata(&add.metadata, &add.asked, session).await?);
    if add.dry_run {
        let checked = session.post("/schedules", "dry_run=true", &Value::Object(request)).await?;
        if !session.is_text() {
            return session.json(&checked);
        }
        session.say(&format!("would make {}, next {}", add.name, session.relative(&checked["next"])))?;
        return Ok(Exit::Done);
    }
    let schedule = session.post("/schedules", "", &Value::Object(request)).await?;
    shown(&schedule, session)
}

async fn change(set: &Set, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let mut request = set.when.request()?;
    for (name, is_removed) in [("starting", set.no_starting), ("ending", set.no_ending)] {
        if is_removed {
            request.insert(name.into(), Value::Null);
        }
    }
    if set.no_requires {
        request.insert("requires".into(), json!([]));
    }
    if let Some(metadata) = set.metadata.whole(session)? {
        request.insert("metadata".into(), metadata);
    }
    if request.is_empty() {
        return Err(CliError::Usage("what is to be changed? --every, --cron, --once, --queue …".into()));
    }
    let path = format!("/schedules/{}", segment(&set.name));
    let schedule = session.post(&path, "", &Value::Object(request)).await?;
    shown(&schedule, session)
}

fn shown(schedule: &Value, session: &mut Session<'_>) -> Result<Exit, CliError> {
    if !session.is_text() {
        return session.json(schedule);
    }
    let name = plain(&schedule["name"]);
    let next = session.relative(&schedule["next"]);
    session.say(&format!("{name}: {}, next {next}", plain(&schedule["text"])))?;
    session.hint(&format!("schedules next {name}"))?;
    Ok(Exit::Done)
}

async fn list(session: &mut Session<'_>) -> Result<Exit, CliError> {
    let schedules = session.get("/schedules").await?;
    if !session.is_text() {
        return session.json(&schedules);
    }
    let mut table = Table::new(&["SCHEDULE", "KIND", "WHEN", "NEXT", "LAST", "RUNS", "PAUSED"]);
    for schedule in items(&schedules) {
        let paused = match &schedule["paused"] {
            Value::Null => String::new(),
            paused => format!("by {} {}", plain(&paused["by"]), plain(&paused["why"])).trim_end().to_owned(),
        };
        let last = items(&schedule["latest"]).last().map(|latest| plain(&latest["state"])).unwrap_or_default();
        let colour = Colour::of_state(&last);
        table.row([
            plain(&schedule["name"]),
            plain(&schedule["kind"]),
            plain(&schedule["text"]),
            session.relative(&schedule["next"]),
            last,
            plain(&schedule["counts"]["enqueued"]),
            paused,
        ]);
        table.colour(4, colour);
        table.colour(6, Some(Colour::Yellow));
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
        ("requires", items(&schedule["requires"]).iter().map(plain).collect::<Vec<_>>().join(", ")),
        ("next", instants.join("\n              ")),
        ("left out", left_out(&schedule).join("\n              ")),
        (
            "runs",
            format!(
                "{} enqueued, {} missed, {} overlapped",
                counts["enqueued"], counts["missed"], counts["overlapped"]
            ),
        ),
        ("last runs", last_runs(&schedule, session).join("\n              ")),
    ];
    for (name, text) in fields {
        if !text.trim().is_empty() {
            session.say(&format!("  {name:<12}{}", text.trim_end()))?;
        }
    }
    session.hint(&format!("schedules next {name} -n 20"))?;
    Ok(Exit::Done)
}

/// Instants that were left out; those that were moved stand among the next ones.
fn left_out(schedule: &Value) -> Vec<String> {
    let out = items(&schedule["exceptions"]).iter().filter(|exception| exception["to"].is_null());
    let text = |exception: &Value| {
        let (instant, by, why) = (plain(&exception["instant"]), plain(&exception["by"]), plain(&exception["why"]));
        escape::line(format!("{instant} by {by} {why}").trim_end()).into_owned()
    };
    out.map(text).collect()
}

/// The latest runs, the newest first.
fn last_runs(schedule: &Value, session: &Session<'_>) -> Vec<String> {
    let text = |latest: &Value| {
        let (id, at) = (plain(&latest["run"]), session.relative(&latest["at"]));
        let state = latest["state"].as_str().unwrap_or("not kept any more");
        let by_hand = if latest["by_hand"] == true { ", by hand" } else { "" };
        format!("{}  {state}, {at}{by_hand}", short(&id))
    };
    items(&schedule["latest"]).iter().rev().map(text).collect()
}

fn instants(schedule: &Value) -> Vec<String> {
    let text = |instant: &Value| match &instant["moved_from"] {
        Value::Null => plain(&instant["text"]),
        from => format!("{}, moved from {}", plain(&instant["text"]), plain(from)),
    };
    items(&schedule["instants"]).iter().map(|instant| escape::line(&text(instant)).into_owned()).collect()
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

async fn act_on_instant(
    at: &InstantOf,
    action: &str,
    more: &Value,
    session: &mut Session<'_>,
) -> Result<Exit, CliError> {
    let mut request = more.clone();
    request["instant"] = at.instant.as_str().into();
    let path = format!("/schedules/{}/instants/{action}", segment(&at.name));
    let schedule = session.post(&path, "", &request).await?;
    if !session.is_text() {
        return session.json(&schedule);
    }
    let now = match action {
        "skip" => "is left out".to_owned(),
        "move" => format!("comes at {}", plain(&more["to"])),
        _ => "comes again when the schedule has it".to_owned(),
    };
    session.say(&format!("{}: {} {now}", at.name, at.instant))?;
    session.hint(&format!("schedules next {}", at.name))?;
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
