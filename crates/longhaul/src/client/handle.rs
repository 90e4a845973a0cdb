//! One run, typed.

use std::fmt;

use longhaul_core::{
    Failure, RunId, Snapshot, StoreError,
    store::{CancelError, Cancelled, DeleteError, GetError},
};

use tokio_util::sync::CancellationToken;

use super::{Client, OutcomeError, ProceedRun, ProgressStream, Request, RunStatus, Watch};
use crate::{definition::Definition, payload::Payload, task::TaskTypes};

/// A run, typed. Cheap to clone; holding one keeps nothing alive, and dropping it stops nothing.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = longhaul::doc::server();
/// # let client = server.client();
/// let id = client.enqueue::<CountUp>(Count { to: 3 }).await?.id();
/// // Later, and in any process that has the store:
/// let run = client.run::<CountUp>(id);
/// assert_eq!(run.outcome().await?.completed(), Some(3));
/// # Ok(())
/// # }
/// ```
pub struct RunHandle<T: TaskTypes> {
    pub(super) client: Client,
    pub(super) definition: Definition<T>,
    id: RunId,
}

/// How a run ended.
///
/// ```
/// use longhaul::RunOutcome;
///
/// let outcome: RunOutcome<u64, String> = RunOutcome::Completed(7);
/// assert_eq!(outcome.completed(), Some(7));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers handle each case")]
pub enum RunOutcome<R, E> {
    /// Well, with this result.
    Completed(R),
    /// In failure.
    Failed {
        /// What people read.
        failure: Failure,
        /// The typed error, if the task gave one: a panic, a timeout or a crash has none.
        error: Option<E>,
    },
    /// It was cancelled.
    Cancelled {
        /// Why, if that was said.
        reason: Option<String>,
        /// The typed error, if the task gave one.
        error: Option<E>,
    },
}

impl<R, E> RunOutcome<R, E> {
    /// The result, if it ended well.
    pub fn completed(self) -> Option<R> {
        match self {
            Self::Completed(result) => Some(result),
            Self::Failed { .. } | Self::Cancelled { .. } => None,
        }
    }

    /// The typed error, if it ended with one.
    pub fn error(self) -> Option<E> {
        match self {
            Self::Completed(_) => None,
            Self::Failed { error, .. } | Self::Cancelled { error, .. } => error,
        }
    }
}

impl<T: TaskTypes> Clone for RunHandle<T> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), definition: self.definition.clone(), id: self.id }
    }
}

impl<T: TaskTypes> fmt::Debug for RunHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunHandle({}, {})", self.id, self.definition.common.kind())
    }
}

impl<T: TaskTypes> RunHandle<T> {
    pub(super) fn new(client: Client, definition: Definition<T>, id: RunId) -> Self {
        Self { client, definition, id }
    }

    /// The run's id. It never changes.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The run as it is now.
    pub async fn status(&self) -> Result<RunStatus<T>, OutcomeError> {
        let snapshot = self.client.store().get(self.id).await?;
        self.typed(snapshot)
    }

    /// The run as soon as it differs from `seen`. When the server that this handle is of has shut down, it ends as
    /// [`OutcomeError::ShuttingDown`].
    ///
    /// Cancel safe.
    pub async fn changed(&self, seen: &RunStatus<T>) -> Result<RunStatus<T>, OutcomeError> {
        self.changed_until(&self.client.inner.life.stopped, seen).await
    }

    /// The same, which ends earlier or later than that.
    pub(super) async fn changed_until(
        &self,
        end: &CancellationToken,
        seen: &RunStatus<T>,
    ) -> Result<RunStatus<T>, OutcomeError> {
        let snapshot = tokio::select! {
            biased;
            changed = self.client.store().changed(self.id, seen.run().revision) => changed,
            () = end.cancelled() => return Err(OutcomeError::ShuttingDown),
        };
        match snapshot {
            // The server closed its own store as it ended.
            Err(GetError::Store(StoreError::Closed)) if end.is_cancelled() => Err(OutcomeError::ShuttingDown),
            snapshot => self.typed(snapshot?),
        }
    }

    /// Waits until the run has ended, in whatever process, and says how. An attempt that failed is not the end of a run
    /// that is tried again: this waits through all attempts and the times between them, which with the default policy can
    /// be an hour. For a run that is suspended or parked as incompatible it may be forever. When the server that this
    /// handle is of has shut down, and the run goes on elsewhere, it ends as [`OutcomeError::ShuttingDown`].
    ///
    /// To look without waiting, there is [`RunStatus::outcome_now`], and [`RunStatus::error`] for what the latest attempt
    /// failed of; [`watch`](Self::watch) sees every attempt end.
    ///
    /// Cancel safe: to wait no longer, drop it.
    pub async fn outcome(&self) -> Result<RunOutcome<T::Output, T::Error>, OutcomeError> {
        let mut status = self.status().await?;
        while !status.state().is_final() {
            status = self.changed(&status).await?;
        }
        Ok(status.outcome_now()?.expect("a final run has an outcome"))
    }

    /// The run, each time that anything of it changed, until it ended, or the server that this handle is of begins to
    /// shut down. See [`Watch`].
    pub fn watch(&self) -> Watch<T> {
        Watch::new(self.clone())
    }

    /// How far the run is, each time that it tells, until it ended, or the server that this handle is of begins to shut
    /// down.
    pub fn progress(&self) -> ProgressStream<T> {
        ProgressStream::new(self.watch())
    }

    /// Cancels the run: at once if it waits, or by asking the server that executes it to stop it. Await it; see
    /// [`Request`] for saying why.
    ///
    /// # Errors
    /// [`CancelError::Final`] for a run that has ended.
    pub fn cancel(&self) -> Request<'static, Result<Cancelled, CancelError>> {
        let (store, id) = (self.client.store().clone(), self.id);
        Request::new(&self.client.by, move |reason, by| async move { store.cancel(id, reason, by).await })
    }

    /// Lets the run go on if it is suspended; one that is running goes on once it suspends. See [`ProceedRun`].
    pub fn proceed(&self) -> ProceedRun<T> {
        ProceedRun::new(self.clone())
    }

    /// Sends the run what it waits for, and lets it go on if it is suspended. The value is stored with the run, and
    /// durable when this returns, whatever the run is doing, as long as it is not final; the task takes it with
    /// [`Context::proceeded_with`](crate::Context::proceeded_with). See [`ProceedRun`] for more.
    ///
    /// The values of a run should be of one type; several sorts of events are an enum. A run holds at most 16 values
    /// that it has not taken, of at most 64 KiB each and 256 KiB together; beyond that the sender is refused.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// use longhaul::Proceeded;
    ///
    /// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// let sent = run.proceed_with("paid".to_owned()).idempotency_key("evt_123").await?;
    /// assert_eq!(sent, Proceeded::Kept); // it has not begun: it finds the value when it does
    /// let again = run.proceed_with("paid".to_owned()).idempotency_key("evt_123").await?;
    /// assert_eq!(again, Proceeded::Repeated);
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "what is sent is given away")]
    pub fn proceed_with<V: Payload>(&self, value: V) -> ProceedRun<T> {
        ProceedRun::with(self.clone(), &value)
    }

    /// Removes the run and everything of it. One that is running has to be cancelled first.
    pub async fn delete(&self) -> Result<(), DeleteError> {
        self.client.store().delete(self.id).await
    }

    pub(super) fn typed(&self, snapshot: Snapshot) -> Result<RunStatus<T>, OutcomeError> {
        let kinds = &self.definition.common.kinds;
        if !kinds.contains(&snapshot.run.kind) {
            return Err(OutcomeError::OtherKind {
                id: self.id,
                found: snapshot.run.kind.to_string(),
                expected: kinds[0].to_string(),
            });
        }
        Ok(RunStatus::new(snapshot, self.definition.clone()))
    }
}
