//! A new run.

use clap::Args;
use longhaul_inspect::words::short;
use serde_json::{Map, json};

use super::follow::{self, TimeLimit};
use crate::{
    command::metadata::{Asked, Metadata, metadata},
    error::{CliError, Exit},
    session::{Session, instant, plain},
};

#[derive(Args, Clone, Debug)]
pub(in crate::command) struct Start {
    #[command(flatten)]
    metadata: Metadata,
    /// What people call it.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Another queue than the kind's.
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// Another priority than the kind's, from -128 to 127; more is sooner.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i8>,
    /// When it is due: `2026-11-20T21:00:00Z` [default: now].
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<String>,
    /// By which it is found.
    #[arg(long, value_name = "KEY:VALUE")]
    tag: Vec<String>,
    /// Only servers with this label execute it; several times for several.
    #[arg(long, value_name = "LABEL")]
    requires: Vec<String>,
    /// Waits until it is final, and prints its result.
    #[arg(long, conflicts_with = "follow")]
    wait: bool,
    /// Prints what happens to it until it is final.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    limit: TimeLimit,
    /// Shows what would be enqueued.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    asked: Asked,
}

/// What is wrong with the metadata is easier to mend with the list of its fields.
fn with_fields(error: CliError, kind: &str, session: &Session<'_>) -> CliError {
    match error {
        CliError::Usage(text) if text.starts_with("metadata") => {
            let list = session.typed(&format!("kinds schema {kind}"));
            CliError::Usage(format!("{text}. All fields: {list}"))
        }
        other => other,
    }
}

pub(super) async fn run(start: Start, session: &mut Session<'_>) -> Result<Exit, CliError> {
    let metadata = metadata(&start.metadata, &start.asked, session).await?;
    let mut tags = Map::new();
    for tag in &start.tag {
        let (key, value) =
            tag.split_once(':').ok_or_else(|| CliError::Usage(format!("`{tag}`: a tag is written key:value")))?;
        tags.insert(key.into(), value.into());
    }
    let request = json!({
        "kind": start.asked.kind, "metadata": metadata, "queue": start.queue, "priority": start.priority, "at": start.at,
        "tags": tags, "title": start.title, "requires": start.requires,
    });
    if start.dry_run {
        let checked = session.post("/runs", "dry_run=true", &request).await?;
        return session.json(&checked);
    }
    if start.wait || start.follow {
        session.can_wait()?;
    }
    let answer = session.post("/runs", "", &request).await;
    let answer = answer.map_err(|error| with_fields(error, &start.asked.kind, session))?;
    let id = plain(&answer["run"]);
    if start.wait {
        return start.limit.within(&id, follow::wait(&id, session)).await;
    }
    if start.follow {
        return start.limit.within(&id, follow::follow(&id, session)).await;
    }
    if !session.is_text() {
        return session.json(&answer);
    }
    session.say(&id)?;
    session.hint(&format!("runs follow {}", short(&id)))?;
    Ok(Exit::Done)
}
