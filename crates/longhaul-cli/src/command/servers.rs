//! Servers.

use clap::Subcommand;
use serde_json::{Value, json};

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
    /// Lets a server claim nothing more; it finishes what it has. A restart begins without it.
    #[command(after_help = "Example:\n  longhaul servers drain worker-1 --reason 'a new release'")]
    Drain {
        /// Its name, for all servers of this name; or its id.
        #[arg(value_name = "SERVER")]
        server: String,
        /// Why, for those who look.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lets a server that drains claim again.
    Resume {
        /// Its name, for all servers of this name; or its id.
        #[arg(value_name = "SERVER")]
        server: String,
    },
}

pub(super) async fn run(command: &Servers, session: &mut Session<'_>) -> Result<Exit, CliError> {
    match command {
        Servers::Ls => list(session).await,
        Servers::Drain { server, reason } => {
            act(server, "drain", &json!({ "reason": reason }), "claims nothing more, and finishes what it has", session)
                .await
        }
        Servers::Resume { server } => act(server, "resume", &json!({}), "claims again", session).await,
    }
}

async fn act(server: &str, action: &str, body: &Value, now: &str, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let servers = session.get("/servers").await?;
    let is_meant = |one: &&Value| one["id"] == server || one["name"] == server;
    let meant: Vec<&Value> = items(&servers).iter().filter(is_meant).collect();
    if meant.is_empty() {
        return Err(CliError::NotFound(format!("no server `{server}` lives")));
    }
    for one in meant {
        let answer = session.post(&format!("/servers/{}/{action}", plain(&one["id"])), "", body).await?;
        if session.is_text() {
            session.say(&format!("{} ({}) {now}", plain(&one["name"]), plain(&one["id"])))?;
        } else {
            session.json(&answer)?;
        }
    }
    if action == "drain" && session.is_text() {
        session.hint(&format!("servers resume {server}"))?;
    }
    Ok(Exit::Done)
}

async fn list(session: &mut Session<'_>) -> Result<Exit, CliError> {
    let servers = session.get("/servers").await?;
    if !session.is_text() {
        return session.json(&servers);
    }
    let mut table = Table::new(&["NAME", "HEARD", "RUNNING", "KINDS", "LABELS", "DRAINING"]);
    for server in items(&servers) {
        let joined = |list: Vec<String>| list.join(" ");
        let is_late = server["is_late"] == true;
        let row = table.row([
            plain(&server["name"]),
            session.relative(&server["last_beat"]),
            items(&server["running"]).len().to_string(),
            joined(items(&server["kinds"]).iter().map(|kind| plain(&kind["kind"])).collect()),
            joined(items(&server["labels"]).iter().map(plain).collect()),
            match &server["draining"] {
                Value::Null => String::new(),
                paused => format!("by {} {}", plain(&paused["by"]), plain(&paused["why"])).trim_end().to_owned(),
            },
        ]);
        row.colour(1, is_late.then_some(Colour::Red));
        row.colour(5, Some(Colour::Yellow));
    }
    if table.is_empty() {
        session.say("No server lives.")?;
        return Ok(Exit::Done);
    }
    session.terminal.table(&table)?;
    Ok(Exit::Done)
}
