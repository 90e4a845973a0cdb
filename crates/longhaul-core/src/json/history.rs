//! What happened to a run.

use serde::{Serialize, Serializer};

use super::{Time, seconds};
use crate::{
    history::{History, HistoryEntry, HistoryLine, Transition, Who},
    id::ServerId,
};

#[derive(Serialize)]
struct Line<'a> {
    at: Time,
    attempt: u32,
    what: Transition,
    why: Option<&'a str>,
    /// The client that brought it about, if it said who it is.
    by: Option<&'a str>,
    /// The server that brought it about.
    server: Option<ServerId>,
    lasted_seconds: Option<f64>,
    text: String,
}

impl Serialize for HistoryLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let HistoryEntry { at, attempt, what, why, .. } = self.entry;
        let (by, server) = match self.who {
            Who::Client(actor) => (actor.as_str(), None),
            Who::Server(server) => (None, Some(server)),
        };
        let (at, lasted_seconds) = (Time(*at), self.lasted.map(seconds));
        let text = self.to_string();
        Line { at, attempt: *attempt, what: *what, why: why.as_deref(), by, server, lasted_seconds, text }
            .serialize(serializer)
    }
}

#[derive(Serialize)]
struct Lines<'a> {
    lines: Vec<HistoryLine<'a>>,
    /// So many, after the first, are not kept any more.
    dropped: u32,
}

impl Serialize for History {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Lines { lines: self.lines().collect(), dropped: self.dropped }.serialize(serializer)
    }
}
