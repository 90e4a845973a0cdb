//! What was sent to a run and not taken yet, and which senders were heard: values of proceeds, and signals, which have a
//! name.
//!
//! A value is kept in order, for as long as no attempt has acknowledged it: the acknowledgement is part of a checkpoint
//! or of the attempt's end, so that it holds together with the execution metadata or not at all. The values of proceeds
//! are one queue, and the signals of each name are another.

use std::sync::Arc;

use crate::{
    envelope::Envelope,
    limits::{INBOX_BYTES_MAX, INBOX_MAX, PROCEED_KEYS_MAX},
    name::Key,
    time::Timestamp,
};

/// A value that was sent to a run.
///
/// ```
/// use longhaul_core::{doc, inbox::Message};
///
/// let first = Message { number: 1, at: None, signal: None, value: doc::value() };
/// assert_eq!(first.value.decode::<u32>(), Ok(7));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Message {
    /// Counts what was sent to the run, from 1.
    pub number: u64,
    /// When it lets the run go on; `None`: at once.
    pub at: Option<Timestamp>,
    /// The name of the signal; `None`: it is the value of a proceed.
    pub signal: Option<Key>,
    /// What was sent.
    pub value: Envelope,
}

/// What was sent to a run. One that was sent nothing has none.
///
/// ```
/// use longhaul_core::{Event, decide, doc};
///
/// let sent = Event::Proceed { at: None, replaced: None, value: Some(doc::value()), key: None };
/// let run = decide(doc::NOW, &doc::run(), &sent)?.next; // it has not begun, and is heard nevertheless
/// assert_eq!((run.inbox().messages.len(), run.inbox().last), (1, 1));
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Inbox {
    /// What no attempt has acknowledged, in the order in which it came.
    pub messages: Vec<Message>,
    /// The number of the latest value that was ever sent.
    pub last: u64,
    /// Values up to this one were handed to an attempt, which was free to take them: they let the run go on no more.
    pub offered: u64,
    /// The idempotency keys of the latest proceeds, the oldest first.
    pub keys: Vec<Key>,
    /// The signals that the run is suspended for: one of them lets it go on.
    pub awaited: Vec<Key>,
}

/// What a run has that was sent nothing.
static EMPTY: Inbox = Inbox { messages: Vec::new(), last: 0, offered: 0, keys: Vec::new(), awaited: Vec::new() };

impl Inbox {
    /// Nothing.
    pub fn none() -> &'static Self {
        &EMPTY
    }

    /// Whether a proceed with this key was heard before, as far back as keys are remembered.
    pub fn remembers(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }

    /// Whether there is room for `value`.
    pub(crate) fn takes(&self, value: &Envelope) -> bool {
        let bytes: usize = self.messages.iter().map(|message| message.value.len()).sum();
        self.messages.len() < INBOX_MAX && bytes + value.len() <= INBOX_BYTES_MAX
    }

    pub(crate) fn push(&mut self, at: Option<Timestamp>, signal: Option<Key>, value: Envelope) {
        self.last += 1;
        self.messages.push(Message { number: self.last, at, signal, value });
    }

    pub(crate) fn remember(&mut self, key: Key) {
        if self.keys.len() >= PROCEED_KEYS_MAX {
            self.keys.remove(0);
        }
        self.keys.push(key);
    }

    /// Whether one of these signals is there.
    pub(crate) fn has_any(&self, signals: &[Key]) -> bool {
        self.messages.iter().any(|message| message.signal.as_ref().is_some_and(|name| signals.contains(name)))
    }

    /// When a value that was not offered yet lets a run go on that suspends at `now`.
    pub(crate) fn wakes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let values = self.messages.iter().filter(|message| message.signal.is_none());
        let new = values.filter(|message| message.number > self.offered);
        new.map(|message| message.at.map_or(now, |at| at.max(now))).min()
    }
}

/// An attempt begins: it is free to take all that is there.
pub(crate) fn offer(inbox: &mut Option<Arc<Inbox>>) {
    if let Some(inbox) = inbox.as_mut().filter(|inbox| inbox.offered < inbox.last) {
        Arc::make_mut(inbox).offered = inbox.last;
    }
}

/// An attempt has taken the messages with these numbers, and the change that they led to is kept. Values that it left
/// are new again: the run goes on with them.
pub(crate) fn acknowledge(inbox: &mut Option<Arc<Inbox>>, taken: &[u64]) {
    let is_taken = |message: &Message| taken.contains(&message.number);
    let there = |inbox: &&mut Arc<Inbox>| inbox.messages.iter().any(is_taken);
    if let Some(inbox) = inbox.as_mut().filter(there) {
        let inbox = Arc::make_mut(inbox);
        let values = inbox.messages.iter().filter(|message| message.signal.is_none() && is_taken(message));
        inbox.offered = values.map(|message| message.number).max().unwrap_or(inbox.offered);
        inbox.messages.retain(|message| !is_taken(message));
    }
}

/// The run is suspended for these signals, or, with none, waits for a signal no more.
pub(crate) fn await_signals(inbox: &mut Option<Arc<Inbox>>, signals: &[Key]) {
    let awaited = inbox.as_ref().map_or(&[][..], |inbox| &inbox.awaited);
    if awaited != signals {
        Arc::make_mut(inbox.get_or_insert_default()).awaited = signals.to_vec();
        // One that says nothing any more goes.
        inbox.take_if(|inbox| **inbox == *Inbox::none());
    }
}

/// The run is final: nobody takes anything any more, but a repeated proceed is still recognised.
pub(crate) fn close(inbox: &mut Option<Arc<Inbox>>) {
    if let Some(there) = inbox.as_mut() {
        if there.keys.is_empty() {
            *inbox = None;
        } else if !there.messages.is_empty() || !there.awaited.is_empty() {
            let there = Arc::make_mut(there);
            there.messages.clear();
            there.awaited.clear();
        }
    }
}
