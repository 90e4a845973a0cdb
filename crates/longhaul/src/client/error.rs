//! What can go wrong, by what callers branch on.

use longhaul_core::{
    Key, RunId, StateKind, StoreError,
    name::NameError,
    store::{GetError, ProceedError},
};

use crate::values::{ReadError, ValueError};

/// An outcome could not be had.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::{OutcomeError, RunId};
///
/// let nobody = client.run::<CountUp>(RunId::from_bytes([7; 16]));
/// assert!(matches!(nobody.status().await, Err(OutcomeError::NotFound(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OutcomeError {
    /// There is no such run.
    #[error("there is no {0}: it never was, was deleted, or its retention has passed")]
    NotFound(RunId),
    /// The run is of another kind.
    #[error("{id} is a run of `{found}`, not of `{expected}`")]
    OtherKind {
        /// The run.
        id: RunId,
        /// What it is.
        found: String,
        /// What it was asked for as.
        expected: String,
    },
    /// The stored value does not fit the type.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The server that this client is of shuts down, so nothing is waited for any more. The run goes on, or its outcome
    /// can be read, with a client of another server or process.
    #[error("the server shuts down, and waits no more for the run")]
    ShuttingDown,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<GetError> for OutcomeError {
    fn from(error: GetError) -> Self {
        match error {
            GetError::NotFound(id) => Self::NotFound(id),
            GetError::Store(error) => Self::Store(error),
        }
    }
}

/// A run did not proceed.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::ProceedRunError;
///
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// assert!(matches!(run.proceed().await, Err(ProceedRunError::NotSuspended { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProceedRunError {
    /// There is no such run; or none that matches.
    #[error("no such run was found")]
    NotFound,
    /// Several runs match, and one was meant: say which.
    #[error("{} runs match, and one was meant", .0.len())]
    Several(Vec<RunId>),
    /// The run is not suspended.
    #[error("{id} is {state}, not suspended")]
    NotSuspended {
        /// The run.
        id: RunId,
        /// The state that it is in.
        state: StateKind,
    },
    /// The run is running, and there is a modification, which cannot be kept: nothing was done.
    #[error(
        "{0} is running, and what it works on cannot be modified meanwhile: wait for it with `wait_for`, or send the \
         data with `proceed_with`, which is kept"
    )]
    Running(RunId),
    /// The run is being cancelled: it will not go on.
    #[error("{0} is being cancelled: it will not go on")]
    BeingCancelled(RunId),
    /// The run has so many values that it has not taken that there is no room for this one.
    #[error(
        "{id} has {messages} values that it has not taken, and no room for another: send it again once it has taken some"
    )]
    InboxFull {
        /// The run.
        id: RunId,
        /// How many values wait.
        messages: usize,
    },
    /// The idempotency key was refused.
    #[error(transparent)]
    Key(#[from] NameError),
    /// The value was refused before anything was kept.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The modification was refused, by the closure itself or because its value cannot be kept.
    #[error("the modification was refused: {0}")]
    Refused(String),
    /// The stored execution metadata does not fit the type.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ProceedError> for ProceedRunError {
    fn from(error: ProceedError) -> Self {
        match error {
            ProceedError::NotFound(_) => Self::NotFound,
            ProceedError::NotSuspended { id, state } => Self::NotSuspended { id, state },
            ProceedError::BeingCancelled(id) => Self::BeingCancelled(id),
            ProceedError::InboxFull { id, messages } => Self::InboxFull { id, messages },
            ProceedError::Conflict(id) => Self::Refused(format!("{id} changed again and again meanwhile")),
            ProceedError::Store(error) => Self::Store(error),
        }
    }
}

/// A run was not sent a signal.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::SignalError;
///
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// run.cancel().await?;
/// assert!(matches!(run.signal("paid", ()).await, Err(SignalError::Final { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// There is no such run, or none that matches and is not final.
    #[error("no run that is not final matches")]
    NotFound,
    /// Several runs match, and one was meant: say which, or signal all of them.
    #[error("{} runs match, and one was meant", .0.len())]
    Several(Vec<RunId>),
    /// The run is final: nobody would take the signal.
    #[error("{id} is {state}, which is final")]
    Final {
        /// The run.
        id: RunId,
        /// The state that it is in.
        state: StateKind,
    },
    /// The run is being cancelled: it will not go on.
    #[error("{0} is being cancelled: it will not go on")]
    BeingCancelled(RunId),
    /// The run has so much that it has not taken that there is no room for this signal.
    #[error(
        "{id} has {messages} signals and values that it has not taken, and no room for another: send it again once it \
         has taken some"
    )]
    InboxFull {
        /// The run.
        id: RunId,
        /// How many wait.
        messages: usize,
    },
    /// The name or the idempotency key was refused.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The value was refused before anything was kept.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A run was not looked for by its unique key.
///
/// ```
/// # use longhaul::{doc::CountUp, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::FindByKeyError;
///
/// assert!(matches!(client.find_by_key::<CountUp>("").await, Err(FindByKeyError::Name(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FindByKeyError {
    /// No run can have such a key.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A run was not retried.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::{RetryRunError, RetryFrom};
///
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// assert!(matches!(run.retry(RetryFrom::Checkpoint).await, Err(RetryRunError::Nothing { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RetryRunError {
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
    /// It is running, or waits to run now: there is nothing to bring forward.
    #[error("{id} is {state}: there is nothing to retry")]
    Nothing {
        /// The run.
        id: RunId,
        /// The state that it is in.
        state: StateKind,
    },
    /// It is final, and another run of its kind has its unique key by now: retry it when that one is final, or ask for
    /// what it was to do under another key, with [`RunHandle::enqueue_like`](super::RunHandle::enqueue_like).
    #[error("`{key}` is taken: {id}, which is {state}, has it")]
    Taken {
        /// The key.
        key: Key,
        /// Which run has it.
        id: RunId,
        /// The state that this run is in.
        state: StateKind,
    },
    /// It was retried before, and that run was removed since, by a client or its retention. It is not retried a second
    /// time; [`RunHandle::enqueue_like`](super::RunHandle::enqueue_like) enqueues a run that is none of its line.
    #[error("{id} was retried as {successor}, which was removed since: enqueue it anew to have it executed again")]
    SuccessorGone {
        /// The run.
        id: RunId,
        /// The newest run of its line.
        successor: RunId,
    },
    /// A name is none, so no child can have it.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
