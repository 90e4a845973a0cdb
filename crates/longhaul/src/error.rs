//! One error that all others convert into.

use std::sync::Arc;

use longhaul_core::{
    StateKind, StoreError,
    control::RateError,
    decide::IllegalEvent,
    id::ParseIdError,
    name::NameError,
    retry::PolicyError,
    state::ParseStateError,
    store::{CancelError, DeleteError, GetError, InsertError, UpdateError, copy::MigrateStoreError},
    time::ParseTimestampError,
};
#[cfg(feature = "sled")]
use longhaul_embedded::{CopyError, OpenError};
#[cfg(feature = "postgres")]
use longhaul_postgres::{ConnectError, TransactionError};

use crate::{
    background::SpawnError,
    builder::BuildError,
    client::{
        BulkError, EndedRunsError, EnqueueError, FindByKeyError, OutcomeError, ProceedRunError, RetryRunError,
        SignalError,
    },
    definition::DefinitionError,
    payload::MigrateError,
    schedule::{RunsError, SchedulesError},
    server::RunError,
    service::ServiceFailed,
    values::{ReadError, ValueError},
    views::EnqueueJsonError,
};

/// Any error of the public API. Every method returns its own error type, for callers that branch on its variants; each
/// of them converts into this one, for functions that call several and hand all errors on with `?`.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// use longhaul::{Error, RunHandle};
///
/// async fn replace(run: &RunHandle<CountUp>, to: u64) -> Result<RunHandle<CountUp>, Error> {
///     run.cancel().because("replaced").await?; // a `CancelError`
///     let builder = run.enqueue_like(Count { to }).await?; // an `OutcomeError`
///     Ok(builder.tag("replaces", run.id()).await?) // an `EnqueueError`
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// assert!(replace(&run, 7).await.is_ok());
///
/// // What a web service answers, by what happened and not by which call it was.
/// let status = match replace(&run, 9).await {
///     Ok(_) => 200,
///     Err(error) if error.is_not_found() => 404,
///     Err(error) if error.is_invalid() => 422,
///     Err(error) if error.run_state().is_some() || error.is_conflict() => 409,
///     Err(error) if error.is_retryable() || error.is_closed() => 503,
///     Err(_) => 500,
/// };
/// assert_eq!(status, 409); // it is cancelled, which is final
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A run was not enqueued.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
    /// A run was not enqueued from JSON.
    #[error(transparent)]
    EnqueueJson(#[from] EnqueueJsonError),
    /// Not all of many runs were enqueued.
    #[error(transparent)]
    Bulk(#[from] BulkError),
    /// A run was refused by the store.
    #[error(transparent)]
    Insert(#[from] InsertError),
    /// A status or an outcome could not be read.
    #[error(transparent)]
    Outcome(#[from] OutcomeError),
    /// A run could not be read.
    #[error(transparent)]
    Get(#[from] GetError),
    /// A run was not cancelled.
    #[error(transparent)]
    Cancel(#[from] CancelError),
    /// A run did not proceed.
    #[error(transparent)]
    Proceed(#[from] ProceedRunError),
    /// A run was not sent a signal.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// A run was not looked for by its unique key.
    #[error(transparent)]
    FindByKey(#[from] FindByKeyError),
    /// A run was not retried.
    #[error(transparent)]
    Retry(#[from] RetryRunError),
    /// A run was not suspended, rescheduled or moved.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// A run was not deleted.
    #[error(transparent)]
    Delete(#[from] DeleteError),
    /// A schedule was not read or changed.
    #[error(transparent)]
    Schedules(#[from] SchedulesError),
    /// The runs of a schedule were refused.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// A schedule cannot be.
    #[error(transparent)]
    Schedule(#[from] longhaul_core::ScheduleError),
    /// A name was refused.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A retry policy was refused.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A rate was refused.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// What a task says of itself was refused.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// A value was refused.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A stored value could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A stored value could not be migrated.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A text is no id.
    #[error(transparent)]
    ParseId(#[from] ParseIdError),
    /// A text is no state.
    #[error(transparent)]
    ParseState(#[from] ParseStateError),
    /// A text is no time.
    #[error(transparent)]
    ParseTimestamp(#[from] ParseTimestampError),
    /// A server was not started.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A server ended because of this.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A service failed for good.
    #[error(transparent)]
    Service(#[from] ServiceFailed),
    /// Work in the background was not begun.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// The ends of runs were not told.
    #[error(transparent)]
    Ended(#[from] EndedRunsError),
    /// The operating system refused: to listen for signals, for instance.
    #[error(transparent)]
    Io(Arc<std::io::Error>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A folder could not be opened as a store.
    #[cfg(feature = "sled")]
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A store was not moved into another.
    #[error(transparent)]
    MigrateStore(#[from] MigrateStoreError),
    /// A store was not exported or imported.
    #[cfg(feature = "sled")]
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A store in PostgreSQL could not be connected.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Something was not written in a transaction of the user's.
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl Error {
    /// There is no such run, or no such schedule: it never was, was deleted, or its retention has passed. Of a retry also:
    /// the run that it was retried as before is gone.
    ///
    /// ```
    /// # use longhaul::{doc::CountUp, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// use longhaul::{Error, RunId};
    ///
    /// let nobody = client.run::<CountUp>(RunId::from_bytes([7; 16]));
    /// assert!(Error::from(nobody.cancel().await.unwrap_err()).is_not_found());
    /// # }
    /// ```
    pub const fn is_not_found(&self) -> bool {
        matches!(
            self,
            Self::Outcome(OutcomeError::NotFound(_))
                | Self::Get(GetError::NotFound(_))
                | Self::Cancel(CancelError::NotFound(_))
                | Self::Proceed(ProceedRunError::NotFound)
                | Self::Signal(SignalError::NotFound)
                | Self::Retry(RetryRunError::NotFound(_) | RetryRunError::SuccessorGone { .. })
                | Self::Update(UpdateError::NotFound(_))
                | Self::Delete(DeleteError::NotFound(_))
                | Self::Schedules(SchedulesError::NotFound(_))
        )
    }

    /// The store or the server was closed: no call on it works any more.
    pub const fn is_closed(&self) -> bool {
        matches!(self.store(), Some(StoreError::Closed))
            || matches!(
                self,
                Self::Spawn(SpawnError::ShuttingDown { .. })
                    | Self::Outcome(OutcomeError::ShuttingDown)
                    | Self::Ended(EndedRunsError::ShuttingDown)
            )
    }

    /// The same call may work later, without anyone doing anything: the store is not available now or did not answer in
    /// time, others were faster, too much is in flight, or a run has to take what it was sent first. A call that the store
    /// did not answer may have taken effect; enqueue with a [unique key](crate::UniqueKey) what must not be there twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Spawn(error) => !matches!(error, SpawnError::ShuttingDown { .. }),
            Self::Schedules(SchedulesError::Contended { .. })
            | Self::Proceed(ProceedRunError::InboxFull { .. })
            | Self::Signal(SignalError::InboxFull { .. })
            | Self::Ended(EndedRunsError::Overtaken) => true,
            #[cfg(feature = "postgres")]
            Self::Connect(error) => error.is_transient(),
            #[cfg(feature = "postgres")]
            Self::Transaction(error) => error.is_retryable(),
            _ => matches!(self.store(), Some(error) if error.is_transient()),
        }
    }

    /// Something that is there stands against it: a run with the same unique key or id, several runs where one was
    /// meant, a schedule of that name, or one whose earlier run is not finished.
    pub const fn is_conflict(&self) -> bool {
        #[cfg(feature = "postgres")]
        if matches!(self, Self::Transaction(TransactionError::Refused(_))) {
            return true;
        }
        matches!(
            self,
            Self::Insert(_)
                | Self::Enqueue(EnqueueError::Refused(_))
                | Self::EnqueueJson(EnqueueJsonError::Enqueue(EnqueueError::Refused(_)))
                | Self::Retry(RetryRunError::Taken { .. })
                | Self::Bulk(BulkError { error: EnqueueError::Refused(_), .. })
                | Self::Proceed(ProceedRunError::Several(_))
                | Self::Signal(SignalError::Several(_))
                | Self::Schedules(
                    SchedulesError::Exists(_)
                        | SchedulesError::DeclaredInCode(_)
                        | SchedulesError::Unfinished { .. }
                        | SchedulesError::TooManyWaiting { .. }
                        | SchedulesError::Contended { .. }
                )
        )
    }

    /// The state that the run is in, when it is that which refused the call: `is_some_and(StateKind::is_final)` tells
    /// that the run has ended.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// use longhaul::{CancelError, Error, StateKind};
    ///
    /// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// run.cancel().await?;
    /// let refused = run.cancel().because("again").await.unwrap_err();
    /// assert!(matches!(refused, CancelError::Final { state: StateKind::Cancelled, .. }));
    /// assert_eq!(Error::from(refused).run_state(), Some(StateKind::Cancelled));
    /// # Ok(())
    /// # }
    /// ```
    pub const fn run_state(&self) -> Option<StateKind> {
        match self {
            Self::Cancel(CancelError::Final { state, .. })
            | Self::Proceed(ProceedRunError::NotSuspended { state, .. })
            | Self::Signal(SignalError::Final { state, .. })
            | Self::Retry(RetryRunError::Nothing { state, .. })
            | Self::Update(UpdateError::Refused { why: IllegalEvent::State { state, .. }, .. }) => Some(*state),
            Self::Delete(DeleteError::Running(_))
            | Self::Update(UpdateError::Refused { why: IllegalEvent::BeingCancelled, .. })
            | Self::Signal(SignalError::BeingCancelled(_))
            | Self::Proceed(ProceedRunError::Running(_) | ProceedRunError::BeingCancelled(_)) => {
                Some(StateKind::Running)
            }
            _ => None,
        }
    }

    /// What was handed in cannot be used, and never will: a name, a key, a value, a policy, a schedule, a text that is
    /// no id.
    pub const fn is_invalid(&self) -> bool {
        match self {
            Self::Name(_)
            | Self::Policy(_)
            | Self::Rate(_)
            | Self::Definition(_)
            | Self::Value(_)
            | Self::Runs(_)
            | Self::Schedule(_)
            | Self::ParseId(_)
            | Self::ParseState(_)
            | Self::ParseTimestamp(_)
            | Self::Build(_)
            | Self::EnqueueJson(
                EnqueueJsonError::UnknownKind { .. } | EnqueueJsonError::Json { .. } | EnqueueJsonError::Schema { .. },
            )
            | Self::FindByKey(FindByKeyError::Name(_))
            | Self::Retry(RetryRunError::Name(_))
            | Self::Signal(SignalError::Name(_) | SignalError::Value(_))
            | Self::Proceed(ProceedRunError::Key(_) | ProceedRunError::Value(_)) => true,
            Self::Enqueue(error)
            | Self::EnqueueJson(EnqueueJsonError::Enqueue(error))
            | Self::Bulk(BulkError { error, .. }) => {
                !matches!(error, EnqueueError::Refused(_) | EnqueueError::Store(_))
            }
            #[cfg(feature = "postgres")]
            Self::Connect(ConnectError::Url { .. } | ConnectError::Option { .. }) => true,
            Self::Schedules(error) => matches!(
                error,
                SchedulesError::Name(_)
                    | SchedulesError::Timetable { .. }
                    | SchedulesError::Runs { .. }
                    | SchedulesError::TooLarge { .. }
            ),
            _ => false,
        }
    }

    /// What is stored is not what was written, is older than what was acknowledged, or is not what the code at hand reads.
    pub const fn is_unreadable(&self) -> bool {
        #[cfg(feature = "sled")]
        if matches!(
            self,
            Self::Open(OpenError::Corrupt { .. } | OpenError::RolledBack { .. } | OpenError::NewerFormat { .. })
        ) {
            return true;
        }
        #[cfg(feature = "postgres")]
        if matches!(self, Self::Connect(ConnectError::NewerSchema { .. })) {
            return true;
        }
        matches!(
            self,
            Self::Read(_)
                | Self::Migrate(_)
                | Self::Outcome(OutcomeError::Read(_))
                | Self::Proceed(ProceedRunError::Read(_))
                | Self::Schedules(SchedulesError::Unreadable { .. })
        ) || matches!(self.store(), Some(StoreError::Corrupt { .. }))
    }

    /// What the store said, if it was the store that failed.
    pub const fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error)
            | Self::Enqueue(EnqueueError::Store(error))
            | Self::EnqueueJson(EnqueueJsonError::Enqueue(EnqueueError::Store(error)))
            | Self::Bulk(BulkError { error: EnqueueError::Store(error), .. })
            | Self::Outcome(OutcomeError::Store(error))
            | Self::Get(GetError::Store(error))
            | Self::Cancel(CancelError::Store(error))
            | Self::Proceed(ProceedRunError::Store(error))
            | Self::Signal(SignalError::Store(error))
            | Self::FindByKey(FindByKeyError::Store(error))
            | Self::Retry(RetryRunError::Store(error))
            | Self::Update(UpdateError::Store(error))
            | Self::Delete(DeleteError::Store(error))
            | Self::Schedules(SchedulesError::Store(error))
            | Self::Build(BuildError::Schedule(SchedulesError::Store(error)))
            | Self::Ended(EndedRunsError::Store(error))
            | Self::MigrateStore(MigrateStoreError::From(error) | MigrateStoreError::To(error))
            | Self::Run(RunError::Store(error)) => Some(error),
            #[cfg(feature = "sled")]
            Self::Copy(CopyError::Store(error)) => Some(error),
            #[cfg(feature = "postgres")]
            Self::Connect(ConnectError::Store(error)) | Self::Transaction(TransactionError::Store(error)) => {
                Some(error)
            }
            _ => None,
        }
    }
}
