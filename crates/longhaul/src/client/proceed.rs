//! Proceeds: a suspended run goes on, with or without a value that is sent to it.

use std::{
    future::IntoFuture,
    pin::{Pin, pin},
    time::Duration,
};

use longhaul_core::{
    Envelope, Key, RunId, StateKind, StopRequest, StoreError, Timestamp,
    limits::PROCEED_VALUE_MAX,
    store::{GetError, Proceed, ProceedError, Proceeded, Replacement},
};

use super::{OutcomeError, ProceedRunError, RunHandle, RunStatus, find::Find};
use crate::{
    clock,
    definition::Definition,
    payload::Payload,
    task::TaskTypes,
    values::{FingerprintCache, ValueError, ValueFormat},
};

impl<T: TaskTypes> RunHandle<T> {
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
}

impl<T: TaskTypes> Find<T> {
    /// Lets the one run that matches, and is not final, go on. See [`ProceedFound`].
    pub fn proceed(self) -> ProceedFound<T> {
        ProceedFound::new(self)
    }

    /// Sends a value to the one run that matches, and is not final; see [`RunHandle::proceed_with`].
    #[expect(clippy::needless_pass_by_value, reason = "what is sent is given away")]
    pub fn proceed_with<V: Payload>(self, value: V) -> ProceedFound<T> {
        ProceedFound::with(self, &value)
    }
}

type Modify<X> = Box<dyn Fn(&mut X) -> Result<(), String> + Send + Sync>;

/// How often a modification is tried again when the run has changed meanwhile. Each conflict means that another writer
/// succeeded.
const CONFLICTS_MAX: usize = 16;

/// The options of a proceed.
struct Wish<X> {
    at: Option<Timestamp>,
    modify: Option<Modify<X>>,
    value: Option<Result<Envelope, ValueError>>,
    key: Option<String>,
    wait: Duration,
}

impl<X> Wish<X> {
    fn new(value: Option<Result<Envelope, ValueError>>) -> Self {
        Self { at: None, modify: None, value, key: None, wait: Duration::ZERO }
    }
}

/// Encodes the value of a proceed.
fn encode<T: TaskTypes, V: Payload>(
    definition: &Definition<T>,
    shapes: &FingerprintCache,
    value: &V,
) -> Result<Envelope, ValueError> {
    let common = &definition.common;
    let format = ValueFormat {
        what: "value of a proceed",
        codec: common.execution_metadata.codec,
        version: common.version,
        fingerprint: shapes.of::<V>(),
        max: PROCEED_VALUE_MAX,
    };
    format.encode(value)
}

/// The options of a proceed, whether the run is given by its id or searched for.
macro_rules! wishes {
    ($builder:ident) => {
        impl<T: TaskTypes> $builder<T> {
            /// Not before `time`. A run that is currently running keeps the time with the proceed; of several times,
            /// the earliest counts. A run that was asked to suspend and still runs refuses it: a later proceed cannot
            /// undo that request.
            pub fn at(mut self, time: impl Into<Timestamp>) -> Self {
                self.wish.at = Some(time.into());
                self
            }

            /// Changes the execution metadata with this closure. It may be called again, on newer execution metadata,
            /// if the run has changed meanwhile.
            ///
            /// A closure cannot be stored, so a run that is running refuses it, at once or after
            /// [`wait_for`](Self::wait_for). To send something that must arrive, use
            /// [`proceed_with`](crate::RunHandle::proceed_with).
            pub fn modify(self, change: impl Fn(&mut T::ExecutionMetadata) + Send + Sync + 'static) -> Self {
                self.try_modify(move |execution_metadata| {
                    change(execution_metadata);
                    Ok(())
                })
            }

            /// The same, with a closure that may fail; then the run stays suspended.
            pub fn try_modify(
                mut self,
                change: impl Fn(&mut T::ExecutionMetadata) -> Result<(), String> + Send + Sync + 'static,
            ) -> Self {
                self.wish.modify = Some(Box::new(change));
                self
            }

            /// How long to wait for a running run to suspend, if there is a modification. By default it does not wait:
            /// [`ProceedRunError::Running`] at once.
            pub fn wait_for(mut self, limit: Duration) -> Self {
                self.wish.wait = limit;
                self
            }

            /// Identifies the proceed: another one with the same key changes nothing and returns
            /// [`Proceeded::Repeated`], even if the run is final by then. So an event that is delivered twice lets the
            /// run go on once, and never ends its next suspension. A run remembers the latest 32 keys.
            ///
            /// Give the id of the event (`evt_123`), in at most 256 bytes.
            pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
                self.wish.key = Some(key.into());
                self
            }
        }
    };
}

/// A proceed of one run: set its options, and await it. Made by [`RunHandle::proceed`] and [`RunHandle::proceed_with`].
///
/// Without a modification, a run that is currently running keeps the proceed and goes on when it suspends: nothing is
/// lost between the outside event and the suspension. A value is accepted in every state that is not final, and is
/// durable when this returns.
///
/// A sender that may deliver the same event twice, such as a webhook, should set an
/// [idempotency key](Self::idempotency_key): otherwise the second delivery could end the *next* suspension of the run.
///
/// ```
/// # use longhaul::{doc::CountUp, RunHandle};
/// # async fn on_payment(run: RunHandle<CountUp>) -> Result<(), longhaul::ProceedRunError> {
/// run.proceed().modify(|cursor| cursor.at += 1).await?;
/// run.proceed_with("paid".to_owned()).idempotency_key("evt_123").await?;
/// # Ok(())
/// # }
/// ```
///
/// # Cancel safety
/// When the future is dropped before it is ready, the run has either proceeded or not.
#[must_use = "nothing happens before this is awaited"]
pub struct ProceedRun<T: TaskTypes> {
    run: RunHandle<T>,
    wish: Wish<T::ExecutionMetadata>,
}

wishes!(ProceedRun);

impl<T: TaskTypes> std::fmt::Debug for ProceedRun<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProceedRun({})", self.run.id())
    }
}

impl<T: TaskTypes> ProceedRun<T> {
    pub(super) fn new(run: RunHandle<T>) -> Self {
        Self { run, wish: Wish::new(None) }
    }

    pub(super) fn with<V: Payload>(run: RunHandle<T>, value: &V) -> Self {
        let value = encode(&run.definition, &run.client.inner.shapes, value);
        Self { run, wish: Wish::new(Some(value)) }
    }

    async fn send(self) -> Result<Proceeded, ProceedRunError> {
        let Self { run, wish } = self;
        let Wish { at, modify, value, key, wait } = wish;
        let value = value.transpose()?;
        let key = key.map(|key| Key::new(&key)).transpose()?;
        let client = &run.client;
        let proceed = Proceed { id: run.id(), at, replacement: None, signal: None, value, key, by: client.by.clone() };
        let Some(modify) = modify else { return Ok(client.store().proceed(proceed).await?) };
        let mut timer = pin!(clock::elapse(&*client.inner.clock, wait));
        let mut conflicts = 0;
        let mut status = run.status().await.map_err(unread)?;
        loop {
            if proceed.key.as_ref().is_some_and(|key| status.run().inbox().remembers(key)) {
                return Ok(Proceeded::Repeated);
            }
            let state = status.state();
            if let Some(StopRequest::Cancel { .. }) = status.run().request {
                return Err(ProceedRunError::BeingCancelled(run.id()));
            }
            if state == StateKind::Running {
                if wait.is_zero() {
                    return Err(ProceedRunError::Running(run.id()));
                }
                status = tokio::select! {
                    changed = run.changed(&status) => changed.map_err(unread)?,
                    () = &mut timer => return Err(ProceedRunError::Running(run.id())),
                };
                continue;
            }
            if state != StateKind::Suspended {
                return Err(ProceedRunError::NotSuspended { id: run.id(), state });
            }
            let replacement = Some(modified(&run, &status, &modify)?);
            match client.store().proceed(Proceed { replacement, ..proceed.clone() }).await {
                Err(ProceedError::Conflict(_)) if conflicts + 1 < CONFLICTS_MAX => conflicts += 1,
                Err(ProceedError::NotSuspended { state: StateKind::Running, .. }) => {}
                answer => return Ok(answer?),
            }
            status = run.status().await.map_err(unread)?;
        }
    }
}

/// The changed execution metadata of a suspended run.
fn modified<T: TaskTypes>(
    run: &RunHandle<T>,
    status: &RunStatus<T>,
    modify: &Modify<T::ExecutionMetadata>,
) -> Result<Replacement, ProceedRunError> {
    let mut execution_metadata = status.execution_metadata()?;
    modify(&mut execution_metadata).map_err(ProceedRunError::Refused)?;
    let form = &run.definition.common.execution_metadata;
    // The results of effects are not the caller's to change.
    let effects = status.stored_execution_metadata().and_then(Envelope::attachment).unwrap_or_default();
    let execution_metadata =
        form.encode_with(&execution_metadata, effects).map_err(|error| ProceedRunError::Refused(error.to_string()))?;
    Ok(Replacement { execution_metadata, revision: status.run().revision })
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

/// Lets the one run that matches and is not final go on; see [`Find::proceed`]. It is an error if none matches, or more
/// than one.
///
/// Final runs do not match, so an older one with the same tag is not in the way. A run that is still running does
/// match, and keeps the proceed: do not narrow the search down to [`suspended`](Find::suspended) runs, or an event that
/// comes early finds no run.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// use longhaul::ProceedRunError;
///
/// let nobody = client.find::<CountUp>().with_tag("order", 7).proceed().await;
/// assert_eq!(nobody, Err(ProceedRunError::NotFound));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing happens before this is awaited"]
pub struct ProceedFound<T: TaskTypes> {
    find: Find<T>,
    wish: Wish<T::ExecutionMetadata>,
}

wishes!(ProceedFound);

impl<T: TaskTypes> std::fmt::Debug for ProceedFound<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProceedFound").finish_non_exhaustive()
    }
}

impl<T: TaskTypes> ProceedFound<T> {
    pub(super) fn new(find: Find<T>) -> Self {
        Self { find, wish: Wish::new(None) }
    }

    pub(super) fn with<V: Payload>(find: Find<T>, value: &V) -> Self {
        let value = encode(find.definition(), &find.client().inner.shapes, value);
        Self { find, wish: Wish::new(Some(value)) }
    }

    async fn send(self) -> Result<(RunId, Proceeded), ProceedRunError> {
        let Self { find, wish } = self;
        let Some(find) = find.not_final() else { return Err(ProceedRunError::NotFound) };
        let mut found = find.all().await?;
        let run = match found.len() {
            0 => return Err(ProceedRunError::NotFound),
            1 => found.remove(0).run,
            _ => return Err(ProceedRunError::Several(found.iter().map(|found| found.run.id()).collect())),
        };
        let id = run.id();
        Ok((id, ProceedRun { run, wish }.send().await?))
    }
}

impl<T: TaskTypes> IntoFuture for ProceedFound<T> {
    type Output = Result<(RunId, Proceeded), ProceedRunError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
