//! Letting a suspended run go on.

use std::{future::IntoFuture, pin::Pin, time::SystemTime};

use longhaul_core::{
    Envelope, RunId, StateKind, StoreError, Timestamp,
    store::{GetError, Proceed, ProceedError, Proceeded, Replacement},
};

use super::{OutcomeError, ProceedRunError, RunHandle, find::Find};
use crate::definition::TaskTypes;

type Modify<X> = Box<dyn Fn(&mut X) -> Result<(), String> + Send + Sync>;

/// How often a modification is made anew when the run changed under it. Each time means that somebody else got through.
const CONFLICTS_MAX: usize = 16;

/// A run that shall go on: say how, and await it.
///
/// Without a modification, a run that is just running keeps the proceed and goes on when it suspends: nothing is lost
/// between the outside event and the suspension. With one, this waits until the attempt has ended, and makes the change
/// on what it left.
///
/// ```
/// # use longhaul::{doc::CountUp, RunHandle};
/// # async fn on_payment(run: RunHandle<CountUp>) -> Result<(), longhaul::ProceedRunError> {
/// run.proceed().modify(|cursor| cursor.at += 1).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// When the future is dropped before it is ready, the run has either proceeded or not.
#[must_use = "nothing happens before this is awaited"]
pub struct ProceedRun<T: TaskTypes> {
    run: RunHandle<T>,
    at: Option<Timestamp>,
    modify: Option<Modify<T::ExecutionMetadata>>,
}

impl<T: TaskTypes> std::fmt::Debug for ProceedRun<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProceedRun({})", self.run.id())
    }
}

impl<T: TaskTypes> ProceedRun<T> {
    pub(super) fn new(run: RunHandle<T>) -> Self {
        Self { run, at: None, modify: None }
    }

    /// Not before `time`. A run that is just running keeps the time with the proceed; of several, the earliest counts. One
    /// that was asked to suspend, and still runs, refuses it: a proceed for later cannot undo that.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.at = Some(time.into());
        self
    }

    /// With the execution metadata changed like this. The closure may be called again, on newer execution metadata,
    /// when the run changed meanwhile.
    pub fn modify(self, change: impl Fn(&mut T::ExecutionMetadata) + Send + Sync + 'static) -> Self {
        self.try_modify(move |execution_metadata| {
            change(execution_metadata);
            Ok(())
        })
    }

    /// The same, with a closure that may refuse; the run stays suspended then.
    pub fn try_modify(
        mut self,
        change: impl Fn(&mut T::ExecutionMetadata) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.modify = Some(Box::new(change));
        self
    }

    async fn send(self) -> Result<Proceeded, ProceedRunError> {
        let store = self.run.client.store();
        let Some(modify) = &self.modify else {
            return Ok(store
                .proceed(Proceed { id: self.run.id(), at: self.at, replacement: None, by: self.run.client.by.clone() })
                .await?);
        };
        let mut last_conflict = ProceedError::Conflict(self.run.id());
        for _ in 0..CONFLICTS_MAX {
            let replacement = self.modified(modify).await?;
            let proceed = Proceed {
                id: self.run.id(),
                at: self.at,
                replacement: Some(replacement),
                by: self.run.client.by.clone(),
            };
            match store.proceed(proceed).await {
                Err(error @ ProceedError::Conflict(_)) => last_conflict = error,
                answer => return Ok(answer?),
            }
        }
        Err(last_conflict.into())
    }

    /// The changed execution metadata of the run, once it is not running.
    async fn modified(&self, modify: &Modify<T::ExecutionMetadata>) -> Result<Replacement, ProceedRunError> {
        let mut status = self.run.status().await.map_err(unread)?;
        while status.state() == StateKind::Running {
            status = self.run.changed(&status).await.map_err(unread)?;
        }
        if status.state() != StateKind::Suspended {
            return Err(ProceedRunError::NotSuspended { id: self.run.id(), state: status.state() });
        }
        let mut execution_metadata = status.execution_metadata()?;
        modify(&mut execution_metadata).map_err(ProceedRunError::Refused)?;
        let form = &self.run.definition.common.execution_metadata;
        // What its effects came to is not the caller's to change.
        let effects = status.stored_execution_metadata().and_then(Envelope::attachment).unwrap_or_default();
        let execution_metadata = form
            .encode_with(&execution_metadata, effects)
            .map_err(|error| ProceedRunError::Refused(error.to_string()))?;
        Ok(Replacement { execution_metadata, revision: status.run().revision })
    }
}

fn unread(error: OutcomeError) -> ProceedRunError {
    match error {
        OutcomeError::NotFound(_) | OutcomeError::OtherKind { .. } => ProceedRunError::NotFound,
        OutcomeError::Read(error) => ProceedRunError::Read(error),
        OutcomeError::Store(error) => ProceedRunError::Store(error),
        OutcomeError::ShuttingDown => ProceedRunError::Store(StoreError::Closed),
    }
}

impl From<GetError> for ProceedRunError {
    fn from(error: GetError) -> Self {
        unread(error.into())
    }
}

impl<T: TaskTypes> IntoFuture for ProceedRun<T> {
    type Output = Result<Proceeded, ProceedRunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// The one run that matches shall go on; see [`Find::proceed`]. None, or several, are an error that tells so.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::ProceedRunError;
///
/// let nobody = client.find::<CountUp>().suspended().with_tag("order", 7).proceed().await;
/// assert_eq!(nobody, Err(ProceedRunError::NotFound));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing happens before this is awaited"]
pub struct ProceedFound<T: TaskTypes> {
    find: Find<T>,
    modify: Option<Modify<T::ExecutionMetadata>>,
}

impl<T: TaskTypes> std::fmt::Debug for ProceedFound<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProceedFound").finish_non_exhaustive()
    }
}

impl<T: TaskTypes> ProceedFound<T> {
    pub(super) fn new(find: Find<T>) -> Self {
        Self { find, modify: None }
    }

    /// See [`ProceedRun::modify`].
    pub fn modify(self, change: impl Fn(&mut T::ExecutionMetadata) + Send + Sync + 'static) -> Self {
        self.try_modify(move |execution_metadata| {
            change(execution_metadata);
            Ok(())
        })
    }

    /// See [`ProceedRun::try_modify`].
    pub fn try_modify(
        mut self,
        change: impl Fn(&mut T::ExecutionMetadata) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.modify = Some(Box::new(change));
        self
    }

    async fn send(self) -> Result<(RunId, Proceeded), ProceedRunError> {
        let mut found = self.find.all().await?;
        let run = match found.len() {
            0 => return Err(ProceedRunError::NotFound),
            1 => found.remove(0),
            _ => return Err(ProceedRunError::Several(found.iter().map(|found| found.run.id()).collect())),
        };
        let proceed = ProceedRun { run: run.run, at: None, modify: self.modify };
        let id = proceed.run.id();
        Ok((id, proceed.send().await?))
    }
}

impl<T: TaskTypes> IntoFuture for ProceedFound<T> {
    type Output = Result<(RunId, Proceeded), ProceedRunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
