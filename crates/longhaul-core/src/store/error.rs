//! What can go wrong in a store, by what callers branch on.

use std::{sync::Arc, time::Duration};

use crate::{
    decide::IllegalEvent,
    id::{Epoch, RunId, ServerId},
    limits::{INBOX_BYTES_MAX, INBOX_MAX},
    name::{Key, ScheduleName},
    run::Run,
    state::StateKind,
};

/// The store itself failed: whether the call took effect is not known, unless the variant says so.
///
/// ```
/// use longhaul_core::{RunId, store::StoreError};
///
/// let error = StoreError::TimedOut { call: "claim", after: std::time::Duration::from_secs(30) };
/// assert!(error.to_string().contains("did not answer `claim` within 30s"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It does not answer now; it may later.
    #[error("the store is not available: {reason}")]
    Unavailable {
        /// What it, or the way to it, said.
        reason: Arc<str>,
    },
    /// It did not answer in time.
    #[error("the store did not answer `{call}` within {after:?}")]
    TimedOut {
        /// Which call.
        call: &'static str,
        /// How long it was waited for.
        after: Duration,
    },
    /// It cannot write any more until it is opened anew. What it acknowledged before is safe.
    #[error("the store takes no more writes: {reason}. {remedy}")]
    Broken {
        /// What happened first.
        reason: Arc<str>,
        /// What to do.
        remedy: Arc<str>,
    },
    /// Something that was read is not what was written.
    #[error("{what} in the store is damaged: {reason}. The rest stays readable; see the guide, `Operating the store`")]
    Corrupt {
        /// Which record.
        what: Arc<str>,
        /// What is wrong with it.
        reason: Arc<str>,
    },
    /// It was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same call may work later, without anyone doing anything.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::TimedOut { .. })
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
}

/// Why a checkpoint was not kept.
///
/// ```
/// use longhaul_core::{Epoch, RunId, store::CheckpointError};
///
/// let error = CheckpointError::EpochLost { id: RunId::from_bytes([7; 16]), epoch: Epoch(2) };
/// assert!(error.to_string().contains("has lost its claim"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The attempt has lost its claim: it can write nothing any more.
    #[error("attempt {epoch} of {id} has lost its claim")]
    EpochLost {
        /// The run.
        id: RunId,
        /// The attempt that tried to write.
        epoch: Epoch,
    },
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
}

/// Why an ending was not kept.
///
/// ```
/// use longhaul_core::{RunId, store::SettleError};
///
/// let error = SettleError::NotFound(RunId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("there is no run_"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The attempt has lost its claim: it can write nothing any more.
    #[error("attempt {epoch} of {id} has lost its claim")]
    EpochLost {
        /// The run.
        id: RunId,
        /// The attempt that tried to write.
        epoch: Epoch,
    },
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
}

/// Why a heartbeat was refused.
///
/// ```
/// use longhaul_core::{ServerId, store::ServerError};
///
/// let error = ServerError::Dead(ServerId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("must stop its attempts"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerError {
    /// The server was declared dead, or left: its claims were taken away.
    #[error("{0} was declared dead: its claims were taken away, and it must stop its attempts")]
    Dead(ServerId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a run could not be read.
///
/// ```
/// use longhaul_core::{RunId, store::GetError};
///
/// let error = GetError::NotFound(RunId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("its retention has passed"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    /// There is no such run: it never was, was deleted, or its retention has passed.
    #[error("there is no {0}: it never was, was deleted, or its retention has passed")]
    NotFound(RunId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// that was heard before, which is [`Proceeded::Repeated`](super::Proceeded::Repeated).
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

/// Why a schedule was not changed. None of the runs that came with the change is kept.
///
/// ```
/// use longhaul_core::{ScheduleName, store::ScheduleError};
///
/// let error = ScheduleError::Conflict { name: ScheduleName::new("nightly")?, revision: None };
/// assert!(error.to_string().contains("`nightly` changed meanwhile"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It changed since the caller read it, or there is one where there was none, or none any more: read it again, and
    /// make the change on that.
    #[error("the schedule `{name}` changed meanwhile")]
    Conflict {
        /// Which.
        name: ScheduleName,
        /// Its revision; `None`: there is none.
        revision: Option<u64>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
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
