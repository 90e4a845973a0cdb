//! What clients do with runs: they enqueue them, move them, and remove them.

mod proceed;
mod retry;

pub use proceed::{Proceed, ProceedError, Proceeded, Replacement};
pub use retry::{Retried, Retry, RetryError, RetryFrom};

use crate::{
    constraints::Inserted,
    decide::IllegalEvent,
    event::Event,
    family::ChildRefused,
    history::Actor,
    id::RunId,
    name::Key,
    retention::Retentions,
    run::{NewRun, Priority},
    state::StateKind,
    store::StoreError,
    time::Timestamp,
};

port! {
    ($) forward_run_store;

    /// What clients do with runs, and what removes them.
    pub trait RunStore {
        /// Keeps new runs. Each is kept or refused by itself; the answers are in the order of `runs`.
        ///
        /// An id that is already kept is [`InsertError::Duplicate`], also when its run is final: repeating an insert is
        /// harmless. Where a run has the new one's [unique key](crate::Unique), [`resolve_conflict`](crate::stored::resolve_conflict)
        /// says what becomes of the two; a run of an earlier place in the same batch counts.
        Insert: async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError>;

        /// Lets a suspended run go on, at once or at a time, with other execution metadata if the caller brings some. One
        /// that runs keeps the proceed until it suspends; if the caller brings other execution metadata, a run that is not
        /// suspended is refused.
        ///
        /// With a value, every run that is not final (or being cancelled) is heard: the value is in its
        /// [inbox](crate::Inbox) when this answers, is handed over with each claim until it is acknowledged, and lets the
        /// run go on if it is, or when it becomes, suspended.
        Proceed: async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError>;

        /// Calls a run off: at once, or, when it runs, by asking its server to stop it.
        Cancel: async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError>;

        /// Has a final run tried again, as a new one: [`lineage::succeed`](crate::lineage::succeed) says what becomes of the
        /// two. The link in the old run and the new run are kept together or not at all, so a run has at most one successor:
        /// another retry of it is [`Retried::Existing`], also when the same was asked again because its answer was lost.
        ///
        /// The new run has the [unique key](crate::Unique) of the old one. Where another run has that key, the retry is
        /// refused as [`RetryError::Taken`], whatever is said of conflicts.
        Retry: async fn retry(&self, retry: Retry) -> Result<Retried, RetryError>;

        /// Changes when, and whether, a run that is not final goes on. Answers the state that it is in afterwards.
        Update: async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError>;

        /// Gives those of these runs that are parked as Incompatible a new chance. Answers how many.
        ///
        /// Callers: servers, when they start, of runs that their code reads.
        ReleaseIncompatible: async fn release_incompatible(&self, runs: Vec<RunId>) -> Result<usize, StoreError>;

        /// Removes a run that does not run, and all its values, also if they cannot be read.
        Delete: async fn delete(&self, id: RunId) -> Result<(), DeleteError>;

        /// Removes at most `max` final runs that `retentions` lets go of, those first whose time came first. Answers when it
        /// is worth calling again.
        Sweep: async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError>;
    }
}

/// Why a run was not kept.
///
/// ```
/// use longhaul_core::{RunId, store::InsertError};
///
/// let error = InsertError::Duplicate(RunId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("is already enqueued"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum InsertError {
    /// There is a run with this id already; it is as it was.
    #[error("{0} is already enqueued")]
    Duplicate(RunId),
    /// Another run of its kind has its unique key; it is as it was.
    #[error("`{key}` is taken: {id}, which is {state}, has it")]
    Taken {
        /// The key.
        key: Key,
        /// Which run has it.
        id: RunId,
        /// The state that this run is in.
        state: StateKind,
    },
    /// It cannot become a child of the run that it names.
    #[error(transparent)]
    Child(#[from] ChildRefused),
}

/// What came of a cancellation.
///
/// ```
/// use longhaul_core::store::Cancelled;
///
/// assert_ne!(Cancelled::Now, Cancelled::Requested);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum Cancelled {
    /// The run is Cancelled.
    Now,
    /// The run is running: its server was told.
    Requested,
}

/// Why a run was not cancelled.
///
/// ```
/// use longhaul_core::{RunId, StateKind, store::CancelError};
///
/// let error = CancelError::Final { id: RunId::from_bytes([7; 16]), state: StateKind::Failed };
/// assert!(error.to_string().contains("is failed, which is final"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum CancelError {
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
    /// It is final.
    #[error("{id} is {state}, which is final")]
    Final {
        /// The run.
        id: RunId,
        /// The state that it is in.
        state: StateKind,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a client does to a run, besides [`proceed`](RunStore::proceed) and
/// [`cancel`](RunStore::cancel).
///
/// ```
/// use longhaul_core::{StateKind, decide, doc, store::RunUpdate};
///
/// let aside = decide(doc::NOW, &doc::run(), &RunUpdate::Suspend { reason: None }.event())?;
/// assert_eq!(aside.next.state.kind(), StateKind::Suspended);
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum RunUpdate {
    /// The next attempt of a waiting, retrying or incompatible run begins now.
    RunNow,
    /// The next attempt of a waiting or retrying run begins at this time.
    Reschedule(Timestamp),
    /// It goes ahead of due runs of a lower priority.
    Prioritise(Priority),
    /// It is put aside until a proceed; one that runs is told to stop first.
    Suspend {
        /// Why.
        reason: Option<Box<str>>,
    },
    /// It failed and stopped its [order key](crate::Constraints::ordered): the runs behind it go on.
    Dismiss,
    /// All members are added to the batch that it is the callback of. From now on it waits for them alone, and no other
    /// becomes one.
    CloseBatch,
}

impl RunUpdate {
    /// What [`decide`](crate::decide()) is asked.
    pub fn event(self) -> Event {
        match self {
            Self::RunNow => Event::RunNow,
            Self::Reschedule(at) => Event::Reschedule { at },
            Self::Prioritise(priority) => Event::Prioritise { priority },
            Self::Suspend { reason } => Event::Suspend { reason },
            Self::Dismiss => Event::Dismiss,
            Self::CloseBatch => Event::CloseBatch,
        }
    }
}

/// Why a run was not steered.
///
/// ```
/// use longhaul_core::{RunId, store::UpdateError};
///
/// let error = UpdateError::NotFound(RunId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("there is no run_"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum UpdateError {
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
    /// It is not in a state in which this can happen, or nothing would change.
    #[error("{id}: {why}")]
    Refused {
        /// The run.
        id: RunId,
        /// What the state says to it.
        why: IllegalEvent,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a run was not removed.
///
/// ```
/// use longhaul_core::{RunId, store::DeleteError};
///
/// let error = DeleteError::Running(RunId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("cancel it first"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum DeleteError {
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
    /// It runs: cancel it first.
    #[error("{0} is running: cancel it first")]
    Running(RunId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of a sweep.
///
/// ```
/// use longhaul_core::store::Swept;
///
/// assert_eq!(Swept::default().removed, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Swept {
    /// So many runs were removed.
    pub removed: usize,
    /// When the next run may be removed, as things stand; `None`: none of those that are kept now. Not later than that, but
    /// earlier where a run is kept beyond its time, because its order key or its parent needs it.
    pub next: Option<Timestamp>,
}
