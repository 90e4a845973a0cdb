//! Servers.

use clap::Subcommand;

use crate::{
    error::{CliError, Exit},
    session::{Session, items, plain},
    table::{Colour, Table},
};

#[derive(Subcommand, Clone, Debug)]
pub(super) enum Servers {
    /// Lists servers: when each was heard last, and what it runs.
    #[command(visible_alias = "list")]
    Ls,
}

pub(super) async fn run(Servers::Ls: &Servers, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let servers = session.get("/servers").await?;
    if !session.is_text() {
        return session.json(&servers);
    }
    let mut table = Table::new(&["NAME", "HEARD", "RUNNING", "KINDS", "LABELS"]);
    for server in items(&servers) {
        let joined = |list: Vec<String>| list.join(" ");
        let is_late = server["is_late"] == true;
        table
            .row([
                plain(&server["name"]),
                session.relative(&server["last_beat"]),
                items(&server["running"]).len().to_string(),
                joined(items(&server["kinds"]).iter().map(|kind| plain(&kind["kind"])).collect()),
                joined(items(&server["labels"]).iter().map(plain).collect()),
            ])
            .colour(1, is_late.then_some(Colour::Red));
    }
    if table.is_empty() {
        session.say("No server lives.")?;
        return Ok(Exit::Done);
    }
    session.terminal.table(&table)?;
    Ok(Exit::Done)
}
