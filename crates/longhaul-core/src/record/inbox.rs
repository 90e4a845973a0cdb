//! What was sent to a run. The inbox was added after format 1, so it has no place among the parts there: a section says
//! where it is. Frozen.
//!
//! ```text
//! 01 | messages: [number u64 | at i64? | envelope] | last u64 | offered u64 | keys: [text]   (bincode, standard)
//! ```

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    blob::{Blob, OwnedBlob},
    bytes::{read_versioned, versioned},
    part::{Apart, PartV1},
};
use crate::{
    envelope::Envelope,
    inbox::{Inbox, Message},
    name::Key,
    time::Timestamp,
};

/// Where the inbox is: in the section itself, or apart.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum InboxPartV1 {
    Inline(OwnedBlob),
    Pieces(Apart),
}

impl InboxPartV1 {
    /// `None`: the run has no inbox.
    pub(super) fn of(part: &PartV1<'_>) -> Option<Self> {
        match part {
            PartV1::Absent | PartV1::AsInitial => None,
            PartV1::Inline(Blob(bytes)) => Some(Self::Inline(OwnedBlob(bytes.to_vec()))),
            PartV1::Pieces(apart) => Some(Self::Pieces(*apart)),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct InboxV1<'a> {
    #[serde(borrow)]
    messages: Vec<(u64, Option<i64>, Blob<'a>)>,
    last: u64,
    offered: u64,
    #[serde(borrow)]
    keys: Vec<Cow<'a, str>>,
}

pub(super) fn inbox_bytes(inbox: &Inbox) -> Vec<u8> {
    let message = |message: &'_ Message| {
        let at = message.at.map(Timestamp::as_micros);
        (message.number, at, Blob(Cow::Owned(message.value.as_bytes().to_vec())))
    };
    versioned(&InboxV1 {
        messages: inbox.messages.iter().map(message).collect(),
        last: inbox.last,
        offered: inbox.offered,
        keys: inbox.keys.iter().map(|key| Cow::Borrowed(key.as_str())).collect(),
    })
}

pub(super) fn read_inbox(bytes: &[u8]) -> Result<Inbox, String> {
    let InboxV1 { messages, last, offered, keys } = read_versioned(bytes)?;
    let message = |(number, at, Blob(value)): (u64, Option<i64>, Blob<'_>)| {
        let value = Envelope::from_bytes(value.into_owned()).map_err(|error| error.to_string())?;
        Ok(Message { number, at: at.map(Timestamp::from_micros), value })
    };
    let key = |key: Cow<'_, str>| Key::new(&key).map_err(|error| error.to_string());
    Ok(Inbox {
        messages: messages.into_iter().map(message).collect::<Result<_, String>>()?,
        last,
        offered,
        keys: keys.into_iter().map(key).collect::<Result<_, String>>()?,
    })
}
