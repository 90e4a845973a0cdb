//! The store itself.

use std::{
    fmt::Write as _,
    fs::File,
    io::{BufRead, BufReader, BufWriter, Write},
    path::PathBuf,
};

use clap::Subcommand;
use longhaul::CopyError;
use serde_json::{Value, json};

use crate::{
    error::{CliError, Exit},
    escape,
    place::Place,
    session::{Format, Output, Session, plain},
    table::Table,
    terminal::Terminal,
};

#[derive(Subcommand, Clone, Debug)]
pub(super) enum StoreCommand {
    /// Shows what the store has: runs by state, and what happened in the last hour.
    Stats,
    /// Reads and checks everything in a folder that no program has open.
    Check,
    /// Writes everything in a folder as lines of JSON.
    #[command(after_help = "Example:\n  longhaul store export | gzip > backup.jsonl.gz")]
    Export {
        /// The file, which must not exist yet [default: the output].
        #[arg(value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Adds what an export holds to a folder; what is there already stays as it is.
    #[command(after_help = "Example:\n  gunzip < backup.jsonl.gz | longhaul store import -")]
    Import {
        /// The file; `-` reads the input.
        #[arg(value_name = "FILE")]
        from: PathBuf,
    },
    /// Migrations of a database: `--store postgres://…`.
    #[cfg(feature = "postgres")]
    #[command(subcommand)]
    Migrate(super::migrate::Migrate),
}

/// How a file of gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

impl StoreCommand {
    /// Whether it works on the files themselves.
    pub(super) const fn needs_folder(&self) -> bool {
        !matches!(self, Self::Stats)
    }
}

pub(super) async fn statistics(session: &mut Session<'_>, way: &str) -> Result<Exit, CliError> {
    let overview = session.get("/overview").await?;
    let states = &overview["states"];
    let sum = |field: &str| -> u64 {
        crate::session::items(&overview["minutes"]).iter().filter_map(|minute| minute[field].as_u64()).sum()
    };
    let hour: Value = ["enqueued", "started", "retried", "completed", "failed", "cancelled"]
        .into_iter()
        .map(|field| (field.to_owned(), json!(sum(field))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    if !session.is_text() {
        let (due, servers) = (&overview["due"], &overview["servers"]);
        return session.json(&json!({ "states": states, "due": due, "servers": servers, "last_hour": hour }));
    }
    session.say(&format!("Asked: {}", escape::line(way)))?;
    let mut table = Table::new(&["STATE", "RUNS"]);
    for (state, runs) in states.as_object().into_iter().flatten() {
        table.row([state.clone(), plain(runs)]);
    }
    session.terminal.table(&table)?;
    session.say(&format!("Due: {}; servers: {}", plain(&overview["due"]), plain(&overview["servers"])))?;
    let hour = hour.as_object().into_iter().flatten().map(|(field, runs)| format!("{runs} {field}"));
    session.say(&format!("In the last hour: {}", hour.collect::<Vec<_>>().join(", ")))?;
    Ok(Exit::Done)
}

/// What works on the files, so that no other program may have them.
pub(super) async fn on_folder(
    command: &StoreCommand,
    place: &Place,
    output: &Output,
    terminal: &mut Terminal,
) -> Result<Exit, CliError> {
    let mut input = match command {
        StoreCommand::Import { from } => Some(import_from(from)?),
        _ => None,
    };
    let store = place.open(input.is_some()).await?;
    let result = match command {
        StoreCommand::Export { to } => export(&store, to.as_deref(), terminal).await,
        StoreCommand::Import { .. } => {
            let input = input.as_mut().expect("it was opened above");
            let broke_off = |error: &CopyError| {
                CliError::Failed(format!(
                    "{error}. What stands before it may be there already: mend it, and import it again; what is there is \
                     left as it is"
                ))
            };
            store.import(&mut **input).await.map_err(|error| broke_off(&error)).map(|done| {
                let text = format!(
                    "{} runs, {} schedules and {} pauses or limits were added; {} were there already",
                    done.added, done.schedules, done.controls, done.already
                );
                let value = json!({ "runs": done.added, "schedules": done.schedules, "controls": done.controls,
                    "already": done.already });
                (text, value, Exit::Done)
            })
        }
        _ => check(&store).await,
    };
    store.close().await;
    let (text, value, exit) = result?;
    match (output.format(), command) {
        // The export itself may be on the output.
        (_, StoreCommand::Export { .. }) => terminal.remark(&escape::lines(&text))?,
        (Format::Text, _) => terminal.say(&escape::lines(&text))?,
        (Format::Json | Format::Jsonl, _) => terminal.say(&escape::json(&value.to_string()))?,
    }
    Ok(exit)
}

/// The file, or the input for `-`. What is no export is refused before a folder is made for it.
fn import_from(from: &std::path::Path) -> Result<Box<dyn BufRead + Send>, CliError> {
    let mut input: Box<dyn BufRead + Send> = if from.as_os_str() == "-" {
        Box::new(BufReader::new(std::io::stdin()))
    } else {
        Box::new(BufReader::new(File::open(from).map_err(|error| named(from, &error))?))
    };
    let beginning = input.fill_buf().map_err(|error| named(from, &error))?;
    let name = from.display();
    if beginning.starts_with(&GZIP) {
        return Err(CliError::Usage(format!("{name} is compressed: gunzip < {name} | longhaul store import -")));
    }
    if beginning.first() != Some(&b'{') {
        return Err(CliError::Usage(format!("{name} is no export: it does not begin with a line of JSON")));
    }
    Ok(input)
}

type Answer = Result<(String, Value, Exit), CliError>;

async fn export(
    store: &longhaul::embedded::EmbeddedStore,
    to: Option<&std::path::Path>,
    terminal: &mut Terminal,
) -> Answer {
    let backup = match to {
        Some(to) => {
            let file = File::create_new(to).map_err(|error| named(to, &error))?;
            let mut out = BufWriter::new(file);
            let backup = store.export(&mut out).await.map_err(|error| copy(&error))?;
            out.flush()?;
            out.get_ref().sync_all()?;
            backup
        }
        None => store.export(terminal.writer()).await.map_err(|error| copy(&error))?,
    };
    let mut text =
        format!("{} runs, {} schedules and {} pauses or limits", backup.runs, backup.schedules, backup.controls);
    for (id, why) in &backup.damaged {
        let _ = write!(text, "\nleft out, because it cannot be read: {id}: {why}");
    }
    let exit = if backup.damaged.is_empty() { Exit::Done } else { Exit::Failed };
    Ok((text, Value::Null, exit))
}

async fn check(store: &longhaul::embedded::EmbeddedStore) -> Answer {
    let report = store.verify().await.map_err(|error| CliError::Failed(error.to_string()))?;
    let (live, finished, keys) = (report.live, report.finished, report.keys);
    let mut text = format!("{keys} keys, {live} runs that are not final, {finished} that are");
    let exit = if report.problems.is_empty() {
        text.push_str(": all of it is as it should be");
        Exit::Done
    } else {
        for problem in &report.problems {
            let _ = write!(text, "\n{problem}");
        }
        Exit::Failed
    };
    Ok((text, json!({ "keys": keys, "live": live, "finished": finished, "problems": report.problems }), exit))
}

fn named(path: &std::path::Path, error: &std::io::Error) -> CliError {
    CliError::Failed(format!("{}: {error}", path.display()))
}

fn copy(error: &CopyError) -> CliError {
    // Whoever read the output has seen enough.
    if let CopyError::Io(io) = error
        && io.kind() == std::io::ErrorKind::BrokenPipe
    {
        return CliError::Output(io.kind().into());
    }
    CliError::Failed(error.to_string())
}
