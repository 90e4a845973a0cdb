//! A suspended run goes on, or a run is sent a value.

use crate::{
    decide::IllegalEvent,
    envelope::Envelope,
    event::Event,
    history::Actor,
    id::RunId,
    limits::{INBOX_BYTES_MAX, INBOX_MAX},
    name::Key,
    run::Run,
    state::StateKind,
    store::StoreError,
    time::Timestamp,
};

/// A suspended run shall go on, or a run is sent a value.
///
/// ```
/// use longhaul_core::{doc, store::Proceed};
///
/// let sent = Proceed { value: Some(doc::value()), ..Proceed::new(doc::run().id) };
/// assert_eq!((sent.at, sent.replacement, sent.key), (None, None, None));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Proceed {
    /// The run.
    pub id: RunId,
    /// Not before; `None`: now.
    pub at: Option<Timestamp>,
    /// Other execution metadata to go on with.
    pub replacement: Option<Replacement>,
    /// The name, if it is a signal: then it needs a value, and comes at once and without a replacement. It lets the run go
    /// on only if that is suspended for this signal; `None`: it is a proceed.
    pub signal: Option<Key>,
    /// What to send it; at most [`PROCEED_VALUE_MAX`](crate::limits::PROCEED_VALUE_MAX) bytes.
    pub value: Option<Envelope>,
    /// A second proceed of the run with the same key is [`Proceeded::Repeated`].
    pub key: Option<Key>,
    /// Who asks for it.
    pub by: Actor,
}

impl Proceed {
    /// At once, as it is.
    pub const fn new(id: RunId) -> Self {
        Self { id, at: None, replacement: None, signal: None, value: None, key: None, by: Actor::UNKNOWN }
    }

    /// A signal.
    pub fn signal(id: RunId, name: Key, value: Envelope) -> Self {
        Self { signal: Some(name), value: Some(value), ..Self::new(id) }
    }

    /// What [`decide`](crate::decide()) is asked.
    ///
    /// ```
    /// use longhaul_core::{Event, Key, doc, store::Proceed};
    ///
    /// let name = Key::new("approved")?;
    /// assert!(matches!(Proceed::signal(doc::run().id, name, doc::value()).event(), Event::Signal { .. }));
    /// assert!(matches!(Proceed::new(doc::run().id).event(), Event::Proceed { value: None, .. }));
    /// # Ok::<(), longhaul_core::name::NameError>(())
    /// ```
    pub fn event(&self) -> Event {
        let Self { at, replacement, signal, value, key, .. } = self;
        match (signal.clone(), value.clone()) {
            (Some(name), Some(value)) => Event::Signal { name, value, key: key.clone() },
            (_, value) => {
                let replaced = replacement.as_ref().map(|replacement| replacement.execution_metadata.schema_version());
                Event::Proceed { at: *at, replaced, value, key: key.clone() }
            }
        }
    }
}

/// Execution metadata that a client changed.
///
/// ```
/// use longhaul_core::{doc, store::Replacement};
///
/// let replacement = Replacement { execution_metadata: doc::value(), revision: doc::run().revision };
/// assert_eq!(replacement.revision, 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Replacement {
    /// What to go on with.
    pub execution_metadata: Envelope,
    /// The revision of the run that the change was made on: another one is refused as
    /// [`ProceedError::Conflict`](crate::store::ProceedError::Conflict).
    pub revision: u64,
}

/// What came of a proceed.
///
/// ```
/// use longhaul_core::store::Proceeded;
///
/// assert_ne!(Proceeded::Now, Proceeded::Kept);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum Proceeded {
    /// The run waits to be claimed.
    Now,
    /// It is kept with the run: one that is running goes on when it suspends; a value is handed to the run when it
    /// next goes on.
    Kept,
    /// A proceed with the same idempotency key was heard before: nothing was changed.
    Repeated,
}

impl Proceeded {
    /// What a store answers, when a run went from one of these states to the other.
    ///
    /// ```
    /// use longhaul_core::{StateKind, store::Proceeded};
    ///
    /// assert_eq!(Proceeded::of(StateKind::Suspended, StateKind::Pending), Proceeded::Now);
    /// assert_eq!(Proceeded::of(StateKind::Suspended, StateKind::Suspended), Proceeded::Kept); // a signal for later
    /// ```
    pub fn of(before: StateKind, after: StateKind) -> Self {
        if before == StateKind::Suspended && after != before { Self::Now } else { Self::Kept }
    }
}

/// Why a run did not proceed.
///
/// ```
/// use longhaul_core::{RunId, store::ProceedError};
///
/// let error = ProceedError::Conflict(RunId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("changed meanwhile"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum ProceedError {
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
    /// It waits for no proceed.
    #[error("{id} is {state}, not suspended")]
    NotSuspended {
        /// The run.
        id: RunId,
        /// The state that it is in.
        state: StateKind,
    },
    /// It is being cancelled: it will not go on.
    #[error("{0} is being cancelled: it will not go on")]
    BeingCancelled(RunId),
    /// So many values wait in its inbox that there is no room for this one: it takes none, or too slowly.
    #[error(
        "{id} has {messages} values that it has not taken: a run holds at most {INBOX_MAX}, and {INBOX_BYTES_MAX} \
         bytes of them; send it again once the run has taken some"
    )]
    InboxFull {
        /// The run.
        id: RunId,
        /// How many values wait.
        messages: usize,
    },
    /// It changed since the caller read it: read it again, and make the change on that.
    #[error("{0} changed meanwhile")]
    Conflict(RunId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ProceedError {
    /// What a store answers when [`decide`](crate::decide()) refused a proceed of `run`; `None`: it was recognised as one
    /// that was heard before, which is [`Proceeded::Repeated`](crate::store::Proceeded::Repeated).
    ///
    /// ```
    /// use longhaul_core::{Event, decide, doc, store::ProceedError};
    ///
    /// let plain = Event::Proceed { at: None, replaced: None, value: None, key: None };
    /// let run = doc::run(); // it waits for nobody
    /// let why = decide(doc::NOW, &run, &plain).unwrap_err();
    /// assert!(matches!(ProceedError::of(&run, &why), Some(ProceedError::NotSuspended { .. })));
    /// ```
    pub fn of(run: &Run, why: &IllegalEvent) -> Option<Self> {
        let id = run.id;
        match why {
            IllegalEvent::Repeated => None,
            IllegalEvent::BeingCancelled => Some(Self::BeingCancelled(id)),
            IllegalEvent::InboxFull { messages } => Some(Self::InboxFull { id, messages: *messages }),
            _ => Some(Self::NotSuspended { id, state: run.state.kind() }),
        }
    }
}
