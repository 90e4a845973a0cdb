//! The history of a run. Frozen.
//!
//! ```text
//! 01 | entries | dropped u32
//! 02 | the same | names: [text]      if at least one entry says who asked for it; one name for each entry
//! ```

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::bytes::{CONFIG, append, read_versioned, versioned};
use crate::{
    history::{Actor, History, HistoryEntry, Transition},
    id::ServerId,
    time::Timestamp,
};

#[derive(Serialize, Deserialize)]
struct HistoryV1<'a> {
    #[serde(borrow)]
    entries: Vec<EntryV1<'a>>,
    dropped: u32,
}

#[derive(Serialize, Deserialize)]
struct EntryV1<'a> {
    at: i64,
    epoch: u32,
    what: TransitionV1,
    #[serde(borrow)]
    why: Option<Cow<'a, str>>,
}

impl<'a> EntryV1<'a> {
    fn of(entry: &'a HistoryEntry) -> Self {
        Self {
            at: entry.at.as_micros(),
            epoch: entry.attempt,
            what: TransitionV1::of(entry.what),
            why: entry.why.as_deref().map(Cow::Borrowed),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum TransitionV1 {
    Enqueued,
    Claimed(ServerId),
    Returned,
    Interrupted,
    Crashed,
    Panicked,
    Failed,
    TimedOut,
    Suspended,
    Proceeded,
    CancelRequested,
    #[serde(rename = "Hastened")]
    RunNow,
    Completed,
    GaveUp,
    Quarantined,
    Cancelled,
    Parked,
    #[serde(rename = "Unparked")]
    Released,
    SuspendRequested,
    Rescheduled,
    Prioritised,
    Replaced,
    Retried,
    /// Added later.
    Expired,
    Dismissed,
}

/// The first byte of a history with names.
const HISTORY_WITH_ACTORS: u8 = 2;

pub(super) fn history_bytes(history: &History) -> Vec<u8> {
    let mut bytes =
        versioned(&HistoryV1 { entries: history.entries.iter().map(EntryV1::of).collect(), dropped: history.dropped });
    if history.entries.iter().any(|entry| entry.by != Actor::UNKNOWN) {
        bytes[0] = HISTORY_WITH_ACTORS;
        let actors: Vec<&str> = history.entries.iter().map(|entry| entry.by.as_str().unwrap_or_default()).collect();
        append(&mut bytes, &actors);
    }
    bytes
}

pub(super) fn read_history(bytes: &[u8]) -> Result<History, String> {
    let (HistoryV1 { entries, dropped }, actors) = match bytes.split_first() {
        Some((&HISTORY_WITH_ACTORS, body)) => {
            let ((history, actors), used): ((HistoryV1<'_>, Vec<&str>), usize) =
                bincode::serde::borrow_decode_from_slice(body, CONFIG).map_err(|error| error.to_string())?;
            if used != body.len() || actors.len() != history.entries.len() {
                return Err(format!(
                    "{} entries, {} names, {} bytes left over",
                    history.entries.len(),
                    actors.len(),
                    body.len() - used
                ));
            }
            (history, actors)
        }
        _ => (read_versioned(bytes)?, Vec::new()),
    };
    let mut actors = actors.into_iter().map(Actor::named);
    let mut entry = |entry: EntryV1<'_>| HistoryEntry {
        at: Timestamp::from_micros(entry.at),
        attempt: entry.epoch,
        what: entry.what.back(),
        why: entry.why.map(Into::into),
        by: actors.next().unwrap_or_default(),
    };
    Ok(History { entries: entries.into_iter().map(&mut entry).collect(), dropped })
}

macro_rules! transitions {
    ($($variant:ident)*) => {
        impl TransitionV1 {
            const fn of(what: Transition) -> Self {
                match what {
                    Transition::Claimed(server) => Self::Claimed(server),
                    $(Transition::$variant => Self::$variant,)*
                }
            }

            const fn back(&self) -> Transition {
                match self {
                    Self::Claimed(server) => Transition::Claimed(*server),
                    $(Self::$variant => Transition::$variant,)*
                }
            }
        }
    };
}

transitions! {
    Enqueued Returned Interrupted Crashed Panicked Failed TimedOut Suspended Proceeded CancelRequested RunNow
    Completed GaveUp Quarantined Cancelled Parked Released SuspendRequested Rescheduled Prioritised Replaced
    Retried Expired Dismissed
}
