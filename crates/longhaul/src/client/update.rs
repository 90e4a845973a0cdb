//! What an operator does to one run.

use longhaul_core::{
    Explanation, Priority, StateKind, Timestamp,
    store::{GetError, RunUpdate, UpdateError},
};

use super::{Enqueue, OutcomeError, Request, RunHandle};
use crate::task::TaskTypes;

impl<T: TaskTypes> RunHandle<T> {
    /// Puts the run aside until a [`proceed`](RunHandle::proceed). A run that waits is suspended at once. One that is
    /// running is told to stop ([`StopReason::Suspended`](crate::StopReason::Suspended)), keeps its execution metadata,
    /// and is suspended then; if it does not stop, it is dropped at the server's
    /// [`stop_deadline`](crate::Builder::stop_deadline). A proceed that comes before that undoes it. Await it; see
    /// [`Request`] for saying why.
    ///
    /// ```
    /// # use longhaul::{doc::CountUp, RunHandle};
    /// # async fn maintain(run: RunHandle<CountUp>) -> Result<(), Box<dyn std::error::Error>> {
    /// run.suspend().because("the database is being moved").await?;
    /// // …
    /// run.proceed().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UpdateError::Refused`] for a run that is suspended already, is being cancelled, is parked or final.
    pub fn suspend(&self) -> Request<'static, Result<StateKind, UpdateError>> {
        let (store, id) = (self.client.store().clone(), self.id());
        Request::new(&self.client.by, move |reason, by| async move {
            store.update(id, RunUpdate::Suspend { reason }, by).await
        })
    }

    /// Has the next attempt begin at `time`, or at once if that has passed.
    ///
    /// # Errors
    /// [`UpdateError::Refused`] for a run that does not wait for an attempt.
    pub async fn reschedule(&self, time: impl Into<Timestamp>) -> Result<StateKind, UpdateError> {
        self.update(RunUpdate::Reschedule(time.into())).await
    }

    /// Moves the run ahead of due runs of its queue with a lower priority.
    ///
    /// # Errors
    /// [`UpdateError::Refused`] for a run that is final.
    pub async fn set_priority(&self, priority: i8) -> Result<StateKind, UpdateError> {
        self.update(RunUpdate::Prioritise(Priority(priority))).await
    }

    /// Lets the runs behind this one go on, although it failed and [stopped](crate::OrderKey) its order key. It stays
    /// failed.
    ///
    /// ```
    /// # use longhaul::{doc::CountUp, RunHandle};
    /// # async fn go_on(failed: RunHandle<CountUp>) -> Result<(), Box<dyn std::error::Error>> {
    /// failed.dismiss().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`UpdateError::Refused`] for a run that does not stop an order key: it has none, skips failures, did not fail, was
    /// retried, or was dismissed before.
    pub async fn dismiss(&self) -> Result<StateKind, UpdateError> {
        self.update(RunUpdate::Dismiss).await
    }

    /// Why the run is not running now. Its `Display` is a sentence for people.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Longhaul, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = longhaul::Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// assert_eq!(run.explain().await?.to_string(), "no server that lives executes the kind `count-up`");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain(&self) -> Result<Explanation, GetError> {
        self.client.store().explain(self.id()).await
    }

    /// A new run with other metadata and, for the rest, what this one was enqueued with: queue, priority, tags, retries,
    /// timeout and required labels; but not its unique key, and the limit key is that of the new metadata.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, RunHandle};
    /// # async fn again(run: RunHandle<CountUp>) -> Result<(), Box<dyn std::error::Error>> {
    /// let another = run.enqueue_like(Count { to: 7 }).await?.tag("because", "3 was too little").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn enqueue_like(&self, metadata: T::Metadata) -> Result<Enqueue<T>, OutcomeError> {
        let status = self.status().await?;
        Ok(Enqueue::like(self.client.clone(), self.definition.clone(), metadata, status.run()))
    }

    /// All members are added to the batch that the run is the callback of.
    pub(crate) async fn close_batch(&self) -> Result<StateKind, UpdateError> {
        self.update(RunUpdate::CloseBatch).await
    }

    async fn update(&self, update: RunUpdate) -> Result<StateKind, UpdateError> {
        self.client.store().update(self.id(), update, self.client.by.clone()).await
    }
}
