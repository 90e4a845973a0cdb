//! Servers: who lives, and what they have.

use longhaul::{
    Controls, Kind, Label, Paused, Queue, RunId, ServerId, Timestamp,
    store_api::store::{RunningRun, ServerInfo},
};
use serde::Serialize;

use crate::{InspectError, Inspector, serial};

/// A server that the store knows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServerView {
    /// Its id, new with each start.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// What it has, for runs that require it.
    pub labels: Vec<Label>,
    /// What it executes, up to which version.
    pub kinds: Vec<ServerKind>,
    /// When it was heard last.
    #[serde(serialize_with = "serial::time")]
    pub last_beat: Timestamp,
    /// When it is declared dead, if it is not heard before.
    #[serde(serialize_with = "serial::time")]
    pub lives_until: Timestamp,
    /// Whether it has missed its heartbeats for more than half of that time.
    pub is_late: bool,
    /// Whether it claims nothing more and finishes what it has; since when, by whom and why.
    pub draining: Option<Paused>,
    /// What it runs.
    pub running: Vec<ServerRun>,
}

/// A kind that a server executes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServerKind {
    /// The kind, or one of its aliases.
    pub kind: Kind,
    /// The newest version of its values that this server reads.
    pub version: u16,
}

/// A run that a server has.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ServerRun {
    /// Which.
    pub id: RunId,
    /// Its kind.
    pub kind: Kind,
    /// Its queue.
    pub queue: Queue,
    /// Since when.
    #[serde(serialize_with = "serial::time")]
    pub since: Timestamp,
}

impl ServerView {
    fn new(info: ServerInfo, controls: &Controls, now: Timestamp) -> Self {
        let lives_until = info.lives_until();
        let ServerInfo { beat, last_beat, running } = info;
        let kind = |support: &longhaul::store_api::code::KindSupport| ServerKind {
            kind: support.kind.clone(),
            version: support.version,
        };
        let run = |RunningRun { id, kind, queue, since, .. }| ServerRun { id, kind, queue, since };
        Self {
            id: beat.server,
            name: beat.name.to_string(),
            labels: beat.labels.to_vec(),
            kinds: beat.kinds.iter().map(kind).collect(),
            last_beat,
            lives_until,
            is_late: now.since(last_beat) > beat.lease / 2,
            draining: controls.server(beat.server).and_then(|control| control.paused.clone()),
            running: running.into_iter().map(run).collect(),
        }
    }
}

impl Inspector {
    /// All servers that the store knows, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn servers(&self) -> Result<Vec<ServerView>, InspectError> {
        let (infos, controls, now) =
            (self.client().store().servers().await?, self.client().controls().await?, self.now());
        let mut servers: Vec<_> = infos.into_iter().map(|info| ServerView::new(info, &controls, now)).collect();
        servers.sort_by(|left, right| (&left.name, left.id).cmp(&(&right.name, right.id)));
        Ok(servers)
    }
}
