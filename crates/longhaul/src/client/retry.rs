//! Runs that are tried again because somebody asks for it.

use longhaul_core::{
    RunId, StateKind,
    store::{self, GetError, Retried, Retry, RetryFrom, RunUpdate, UpdateError},
};

use super::{Client, RetryRunError, RunHandle};
use crate::task::TaskTypes;

impl Client {
    /// Has a run of any kind tried again now: for tools that serve all kinds. Answers which run that is; otherwise as
    /// [`RunHandle::retry`].
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, RetryFrom, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let run = client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// run.cancel().because("by mistake").await?;
    /// let again = client.retry(run.id(), RetryFrom::Checkpoint).await?;
    /// assert_eq!(client.retry(run.id(), RetryFrom::Checkpoint).await?, again); // there is one retry of a run
    /// assert_eq!(client.snapshot(run.id()).await?.run.lineage.successor, Some(again));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn retry(&self, id: RunId, from: RetryFrom) -> Result<RunId, RetryRunError> {
        let mut newest = id;
        loop {
            let successor = self.inner.ids.run(self.inner.clock.now());
            let retry = Retry { id: newest, successor, from, by: self.by.clone() };
            let gone = |successor| RetryRunError::SuccessorGone { id, successor };
            match self.store().retry(retry).await {
                Ok(Retried::New) => return Ok(successor),
                Ok(Retried::Existing(next)) => match self.store().get(next).await {
                    Ok(there) if there.run.lineage.successor.is_some() => newest = next,
                    Ok(there) if there.run.state.kind() == StateKind::Failed => newest = next,
                    // It has yet to end, or ended as somebody wanted it to.
                    Ok(_) => return Ok(next),
                    Err(GetError::NotFound(_)) => return Err(gone(next)),
                    Err(GetError::Store(error)) => return Err(error.into()),
                },
                Err(store::RetryError::NotFinal { state, .. }) if newest == id => {
                    return self.bring_forward(id, state).await.map(|()| id);
                }
                // Somebody else retried it meanwhile, as another run that has this id: another id is free.
                Err(store::RetryError::Duplicate(_)) => {}
                Err(store::RetryError::NotFinal { .. }) => return Ok(newest),
                Err(store::RetryError::NotFound(_)) if newest == id => return Err(RetryRunError::NotFound(id)),
                Err(store::RetryError::NotFound(_)) => return Err(gone(newest)),
                Err(store::RetryError::Taken { key, id, state }) => {
                    return Err(RetryRunError::Taken { key, id, state });
                }
                Err(store::RetryError::Store(error)) => return Err(error.into()),
            }
        }
    }

    /// A run that is not final: its next attempt begins now.
    async fn bring_forward(&self, id: RunId, state: StateKind) -> Result<(), RetryRunError> {
        match self.store().update(id, RunUpdate::RunNow, self.by.clone()).await {
            Ok(_) => Ok(()),
            Err(UpdateError::NotFound(id)) => Err(RetryRunError::NotFound(id)),
            Err(UpdateError::Refused { id, .. }) => Err(RetryRunError::Nothing { id, state }),
            Err(UpdateError::Store(error)) => Err(RetryRunError::Store(error)),
        }
    }
}

impl<T: TaskTypes> RunHandle<T> {
    /// Has the run tried again now. Answers the handle of the run that is tried again.
    ///
    /// A run that waits for its next attempt, or is parked as incompatible, is brought forward. A run that is final
    /// stays as it is, for ever: a new one, its successor, takes over its metadata, its unique key and, from the
    /// checkpoint, its execution metadata. `from` matters only then. The two name each other, in their histories and in
    /// [`Run::lineage`](longhaul_core::Run::lineage).
    ///
    /// A run has at most one successor, so a retry can be repeated. Retrying a run that has one gives the newest run of
    /// its line: as it is if it has yet to end, was completed or was called off; tried again if it failed.
    ///
    /// # Errors
    /// [`RetryRunError::Taken`] names the run that has the unique key by now, and [`RetryRunError::SuccessorGone`] says that the
    /// run was retried and its successor was removed since. Nothing is changed then.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the run is either retried or not.
    pub async fn retry(&self, from: RetryFrom) -> Result<Self, RetryRunError> {
        let id = self.client.retry(self.id(), from).await?;
        Ok(Self::new(self.client.clone(), self.definition.clone(), id))
    }
}
