//! What was sent to a run. The inbox was added after format 1, so it has no place among the parts there: a section says
//! where it is. Frozen.
//!
//! ```text
//! 02 | messages: [number u64 | at i64? | signal text? | envelope] | last u64 | offered u64 | keys: [text] | awaited: [text]
//! 01 | messages: [number u64 | at i64? | envelope] | last u64 | offered u64 | keys: [text]   (bincode, standard)
//! ```
//! An inbox without signals is 01.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    blob::{Blob, OwnedBlob},
    bytes::{append, read_next, read_versioned, versioned},
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

#[derive(Serialize, Deserialize)]
struct InboxV2<'a> {
    #[serde(borrow)]
    messages: Vec<MessageV2<'a>>,
    last: u64,
    offered: u64,
    #[serde(borrow)]
    keys: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    awaited: Vec<Cow<'a, str>>,
}

#[derive(Serialize, Deserialize)]
struct MessageV2<'a> {
    number: u64,
    at: Option<i64>,
    signal: Option<String>,
    #[serde(borrow)]
    value: Blob<'a>,
}

/// The first byte of an inbox with signals.
const WITH_SIGNALS: u8 = 2;

fn texts(keys: &[Key]) -> Vec<Cow<'_, str>> {
    keys.iter().map(|key| Cow::Borrowed(key.as_str())).collect()
}

fn with_signals(inbox: &Inbox) -> Vec<u8> {
    let message = |message: &'_ Message| MessageV2 {
        number: message.number,
        at: message.at.map(Timestamp::as_micros),
        signal: message.signal.as_ref().map(|name| name.as_str().to_owned()),
        value: Blob(Cow::Owned(message.value.as_bytes().to_vec())),
    };
    let mut bytes = vec![WITH_SIGNALS];
    append(
        &mut bytes,
        &InboxV2 {
            messages: inbox.messages.iter().map(message).collect(),
            last: inbox.last,
            offered: inbox.offered,
            keys: texts(&inbox.keys),
            awaited: texts(&inbox.awaited),
        },
    );
    bytes
}

pub(super) fn inbox_bytes(inbox: &Inbox) -> Vec<u8> {
    if !inbox.awaited.is_empty() || inbox.messages.iter().any(|message| message.signal.is_some()) {
        return with_signals(inbox);
    }
    let message = |message: &'_ Message| {
        let at = message.at.map(Timestamp::as_micros);
        (message.number, at, Blob(Cow::Owned(message.value.as_bytes().to_vec())))
    };
    versioned(&InboxV1 {
        messages: inbox.messages.iter().map(message).collect(),
        last: inbox.last,
        offered: inbox.offered,
        keys: texts(&inbox.keys),
    })
}

pub(super) fn read_inbox(bytes: &[u8]) -> Result<Inbox, String> {
    let key = |key: Cow<'_, str>| Key::new(&key).map_err(|error| error.to_string());
    if let Some((&WITH_SIGNALS, body)) = bytes.split_first() {
        let (InboxV2 { messages, last, offered, keys, awaited }, rest) = read_next(body)?;
        if !rest.is_empty() {
            return Err(format!("{} bytes are left over", rest.len()));
        }
        let message = |message: MessageV2<'_>| {
            Ok(Message {
                number: message.number,
                at: message.at.map(Timestamp::from_micros),
                signal: message.signal.map(|name| key(name.into())).transpose()?,
                value: Envelope::from_bytes(message.value.0.into_owned()).map_err(|error| error.to_string())?,
            })
        };
        return Ok(Inbox {
            messages: messages.into_iter().map(message).collect::<Result<_, String>>()?,
            last,
            offered,
            keys: keys.into_iter().map(key).collect::<Result<_, String>>()?,
            awaited: awaited.into_iter().map(key).collect::<Result<_, String>>()?,
        });
    }
    let InboxV1 { messages, last, offered, keys } = read_versioned(bytes)?;
    let message = |(number, at, Blob(value)): (u64, Option<i64>, Blob<'_>)| {
        let value = Envelope::from_bytes(value.into_owned()).map_err(|error| error.to_string())?;
        Ok(Message { number, at: at.map(Timestamp::from_micros), signal: None, value })
    };
    Ok(Inbox {
        messages: messages.into_iter().map(message).collect::<Result<_, String>>()?,
        last,
        offered,
        keys: keys.into_iter().map(key).collect::<Result<_, String>>()?,
        awaited: Vec::new(),
    })
}
