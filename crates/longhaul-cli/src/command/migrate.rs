//! Migrations of a database, which nothing else on the command line makes.

use clap::Subcommand;
use longhaul::postgres::{ConnectError, Migration, Migrations, Options};
use serde_json::json;

use crate::{
    error::{CliError, Exit},
    escape,
    place::Place,
    session::{Format, Output},
    table::Table,
    terminal::Terminal,
};

#[derive(Subcommand, Clone, Copy, Debug)]
pub(super) enum Migrate {
    /// Shows the migrations, and which of them the database has.
    List,
    /// Makes the migrations that are missing. Safe to run at the same time on several machines.
    Up,
    /// Exits with 1 if this release cannot work with the database as it is.
    Validate,
}

pub(super) async fn run(
    command: Migrate,
    place: &Place,
    output: &Output,
    terminal: &mut Terminal,
) -> Result<Exit, CliError> {
    let migrations = Migrations::connect(&place.database()?, &Options::default()).await;
    let migrations = migrations.map_err(|error| CliError::Unreachable(error.to_string()))?;
    let failed = |error: ConnectError| CliError::Failed(error.to_string());
    let (shown, nothing) = match command {
        Migrate::List => (migrations.list().await.map_err(failed)?, "There are no migrations"),
        Migrate::Up => (migrations.up().await.map_err(failed)?, "Nothing was missing"),
        Migrate::Validate => {
            migrations.validate().await.map_err(failed)?;
            (Vec::new(), "This release can work with the database")
        }
    };
    match output.format() {
        Format::Text if shown.is_empty() => terminal.say(nothing)?,
        Format::Text => terminal.table(&table(&shown))?,
        Format::Json | Format::Jsonl => {
            let rows = shown.iter().map(
                |migration| json!({ "version": migration.version, "name": migration.name, "made": migration.is_made }),
            );
            let value = json!({ "migrations": rows.collect::<Vec<_>>() });
            terminal.say(&escape::json(&value.to_string()))?;
        }
    }
    Ok(Exit::Done)
}

fn table(migrations: &[Migration]) -> Table {
    let mut table = Table::new(&["VERSION", "NAME", "MADE"]);
    for migration in migrations {
        let name = if migration.name.is_empty() { "of a newer release" } else { migration.name };
        let is_made = if migration.is_made { "yes" } else { "no" };
        table.row([migration.version.to_string(), name.to_owned(), is_made.to_owned()]);
    }
    table
}
