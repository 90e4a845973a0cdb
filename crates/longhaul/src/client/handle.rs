//! One run, typed.

use std::fmt;

use longhaul_core::{
    ChildCounts, RunId, Snapshot, StoreError,
    store::{CancelError, Cancelled, DeleteError, GetError},
};

use tokio_util::sync::CancellationToken;

use super::{Client, OutcomeError, Request, RunOutcome, RunStatus};
use crate::{definition::Definition, task::TaskTypes};

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

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The run as it is now.
    pub async fn status(&self) -> Result<RunStatus<T>, OutcomeError> {
        let snapshot = self.client.store().get(self.id).await?;
        self.typed(snapshot)
    }

    /// Waits until the run differs from `seen`, and returns it. [`OutcomeError::ShuttingDown`] once the server that
    /// this handle belongs to has shut down.
    ///
    /// Cancel safe.
    pub async fn changed(&self, seen: &RunStatus<T>) -> Result<RunStatus<T>, OutcomeError> {
        self.changed_until(&self.client.inner.life.stopped, seen).await
    }

    /// The same, until `end` is cancelled.
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

    /// Waits until the run has ended, in whatever process, and returns how. A failed attempt is not the end of a run
    /// that is tried again: this waits through all attempts and the times between them. With the default policy that
    /// can be an hour; for a run that is suspended or parked as incompatible it may be forever.
    /// [`OutcomeError::ShuttingDown`] once the server that this handle belongs to has shut down: the run goes on
    /// elsewhere.
    ///
    /// To look without waiting, use [`RunStatus::outcome_now`], and [`RunStatus::error`] for the error of the latest
    /// attempt; [`watch`](Self::watch) sees the end of every attempt.
    ///
    /// Cancel safe: to stop waiting, drop it.
    pub async fn outcome(&self) -> Result<RunOutcome<T::Output, T::Error>, OutcomeError> {
        let mut status = self.status().await?;
        while !status.state().is_final() {
            status = self.changed(&status).await?;
        }
        Ok(status.outcome_now()?.expect("a final run has an outcome"))
    }

    /// How many children the run has, and how far they are. It costs the same for ten as for ten thousand.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, testing::TestServer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = TestServer::start(|builder| builder.task(CountUp));
    /// let run = server.client().enqueue::<CountUp>(Count { to: 3 }).await?;
    /// assert_eq!(run.children().await?.to_string(), "0 of 0");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the store fails.
    pub async fn children(&self) -> Result<ChildCounts, StoreError> {
        self.client.store().child_counts(self.id).await
    }

    /// Cancels the run: at once if it waits, or by asking the server that executes it to stop it. Await it; see
    /// [`Request`] for giving a reason.
    ///
    /// # Errors
    /// [`CancelError::Final`] for a run that has ended.
    pub fn cancel(&self) -> Request<'static, Result<Cancelled, CancelError>> {
        let (store, id) = (self.client.store().clone(), self.id);
        Request::new(&self.client.by, move |reason, by| async move { store.cancel(id, reason, by).await })
    }

    /// Removes the run and all its data. A run that is running has to be cancelled first.
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
