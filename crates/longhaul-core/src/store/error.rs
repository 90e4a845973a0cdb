//! What can go wrong in a store, by what callers branch on.

use std::{sync::Arc, time::Duration};

use crate::{
    decide::IllegalEvent,
    id::{Epoch, RunId, ServerId},
    name::{Key, ScheduleName},
    state::StateKind,
};

/// The store itself failed: whether the call took effect is not known, unless the variant says so.
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
    /// It changed since the caller read it: read it again, and make the change on that.
    #[error("{0} changed meanwhile")]
    Conflict(RunId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a run was not cancelled.
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

/// Why a schedule was not changed. None of the runs that came with the change is kept.
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SteerError {
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
