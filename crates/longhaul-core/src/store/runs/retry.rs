//! A final run is tried again, as a new one.

use crate::{history::Actor, id::RunId, name::Key, state::StateKind, store::StoreError};

/// A final run shall be tried again, as a new one.
///
/// ```
/// use longhaul_core::{Actor, RunId, doc, store::{Retry, RetryFrom}};
///
/// let successor = RunId::from_bytes([7; 16]);
/// let retry = Retry { id: doc::run().id, successor, from: RetryFrom::default(), by: Actor::named("ann") };
/// assert_eq!(retry.from, RetryFrom::Checkpoint);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Retry {
    /// The final run.
    pub id: RunId,
    /// The id of the new run, chosen by the client, so that a retry whose answer was lost can be repeated.
    pub successor: RunId,
    /// What the new run begins with.
    pub from: RetryFrom,
    /// Who asks for it.
    pub by: Actor,
}

/// What a retry begins with.
///
/// ```
/// use longhaul_core::store::RetryFrom;
///
/// assert_eq!(RetryFrom::default(), RetryFrom::Checkpoint);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum RetryFrom {
    /// The latest execution metadata.
    #[default]
    Checkpoint,
    /// The execution metadata that the run was enqueued with.
    TheStart,
}

/// What came of a retry.
///
/// ```
/// use longhaul_core::{doc, store::Retried};
///
/// assert_ne!(Retried::New, Retried::Existing(doc::run().id));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum Retried {
    /// The new run is kept.
    New,
    /// The run was retried before, as this one, and has no other.
    Existing(RunId),
}

/// Why a run was not retried as a new one. Nothing was changed.
///
/// ```
/// use longhaul_core::{RunId, StateKind, store::RetryError};
///
/// let error = RetryError::NotFinal { id: RunId::from_bytes([7; 16]), state: StateKind::Running };
/// assert!(error.to_string().contains("is running, not final"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum RetryError {
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
    /// It is not final.
    #[error("{id} is {state}, not final")]
    NotFinal {
        /// The run.
        id: RunId,
        /// The state that it is in.
        state: StateKind,
    },
    /// Another run of its kind has its unique key.
    #[error("`{key}` is taken: {id}, which is {state}, has it")]
    Taken {
        /// The key.
        key: Key,
        /// Which run has it.
        id: RunId,
        /// The state that this run is in.
        state: StateKind,
    },
    /// There is a run with the id of the new one, and it is no retry of this one.
    #[error("{0} is already enqueued")]
    Duplicate(RunId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
