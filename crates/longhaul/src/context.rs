//! What a task is handed: what was asked, how far it is, and the way to keep it.

mod asked;
mod blocking;
#[cfg(feature = "postgres")]
mod complete_in;
mod effect;
#[cfg(feature = "postgres")]
mod in_transaction;
mod pause;
mod proceeded;
mod progress;
mod sleep;
mod staged;

use std::{
    any::Any,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use tokio_util::sync::CancellationToken;

pub use blocking::{BlockingContext, BlockingWork};
pub use effect::{EffectError, IdempotencyKey};
pub use progress::ProgressReporter;
pub use staged::StagedChange;
#[cfg(feature = "postgres")]
pub use {complete_in::UncommittedSuccess, in_transaction::UncommittedCheckpoint};

pub(crate) use asked::Asked;
pub(crate) use effect::Effects;
pub(crate) use proceeded::Delivered;

use crate::{
    attempt::{
        self, Attempt, AttemptInfo, Capture, CaptureError, Captured, CapturedCheckpoint, CapturedSuccess, StopReason,
    },
    outcome::Stopped,
    payload::Payload,
    values::ValueFormat,
};

/// A handle on one attempt: cheap to clone, and to be used from as many futures as the task likes.
///
/// The execution metadata belongs to the executor as much as to the task, so that it can be kept even when the task's
/// future was dropped or panicked.
///
/// ```
/// use longhaul::{Context, Stopped};
///
/// async fn step(ctx: &Context<Vec<String>, usize>) -> Result<(), Stopped> {
///     while let Some(line) = ctx.metadata().get(ctx.read(|next| *next)) {
///         println!("{line}");
///         ctx.update(|next| *next += 1);
///         ctx.checkpoint().await?; // durable when it returns; `?`: told to stop
///     }
///     Ok(())
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let (ctx, attempt) = longhaul::testing::context(vec!["a".to_owned(), "b".to_owned()], 1_usize).await;
/// # assert!(step(&ctx).await.is_ok());
/// # assert_eq!(attempt.kept::<usize>().await, 2);
/// # }
/// ```
pub struct Context<M, X> {
    inner: Arc<Inner<M, X>>,
}

struct Inner<M, X> {
    metadata: M,
    values: Arc<Values<X>>,
    attempt: Arc<Attempt>,
}

impl<M: Payload, X: Payload> Asked for Inner<M, X> {
    fn metadata(&self) -> &dyn Any {
        &self.metadata
    }
}

const TORN: &str = "a closure handed to `update` panicked";

/// The execution metadata in memory, and how it is laid down.
pub(crate) struct Values<X> {
    value: Mutex<X>,
    /// How many changes were made, and how many of them are kept.
    changes: AtomicU64,
    kept: AtomicU64,
    /// It is not known whether a later value was committed: none is captured any more.
    closed: AtomicBool,
    form: ValueFormat,
    /// Results of effects, kept with the value. Locked only while the value is, or alone.
    effects: Mutex<Effects>,
    /// What was sent to the run. Locked only while the value is, or alone.
    delivered: Mutex<Delivered>,
}

impl<X> Values<X> {
    #[cfg(feature = "testing")]
    pub(crate) fn new(value: X, form: ValueFormat) -> Self {
        Self::with(value, form, Effects::default(), Delivered::default())
    }

    pub(crate) fn with(value: X, form: ValueFormat, effects: Effects, delivered: Delivered) -> Self {
        let (changes, kept) = (AtomicU64::new(0), AtomicU64::new(0));
        let (effects, delivered) = (Mutex::new(effects), Mutex::new(delivered));
        Self { value: Mutex::new(value), changes, kept, closed: AtomicBool::new(false), form, effects, delivered }
    }

    pub(crate) fn delivered(&self) -> MutexGuard<'_, Delivered> {
        self.delivered.lock().expect("nothing panics while it is held")
    }

    fn effects(&self) -> MutexGuard<'_, Effects> {
        self.effects.lock().expect("nothing panics while it is held")
    }
}

impl<X: Payload> Values<X> {
    fn ensure_open(&self) -> Result<(), CaptureError> {
        if self.closed.load(Ordering::Acquire) { Err(CaptureError::Unknown) } else { Ok(()) }
    }

    /// The value is locked by the caller, or a copy. `taken`: how far it acknowledges the inbox.
    fn encoded(
        &self,
        value: &X,
        generation: u64,
        taken: impl FnOnce(&Delivered) -> Vec<u64>,
    ) -> Result<Captured, CaptureError> {
        let value = self.form.encode_with(value, &self.effects().to_bytes());
        let value = value.map_err(|error| CaptureError::Refused(error.to_string()))?;
        let taken = taken(&self.delivered());
        Ok(Captured { value, taken, generation })
    }

    fn captured(&self, taken: impl FnOnce(&Delivered) -> Vec<u64>) -> Result<Captured, CaptureError> {
        let value = self.value.lock().map_err(|_| CaptureError::Torn)?;
        let generation = self.changes.load(Ordering::Acquire);
        self.encoded(&value, generation, taken)
    }
}

impl<X: Payload> Capture for Values<X> {
    fn capture(&self) -> Result<Option<Captured>, CaptureError> {
        self.ensure_open()?;
        if self.changes.load(Ordering::Acquire) == self.kept.load(Ordering::Acquire) {
            return Ok(None);
        }
        self.captured(Delivered::accounted).map(Some)
    }

    fn capture_end(&self) -> Result<Option<Captured>, CaptureError> {
        self.ensure_open()?;
        let is_unchanged = self.changes.load(Ordering::Acquire) == self.kept.load(Ordering::Acquire);
        if is_unchanged && self.delivered().all_accounted() {
            return Ok(None);
        }
        self.captured(Delivered::taken).map(Some)
    }

    fn account(&self) {
        if self.delivered().account() {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn kept(&self, generation: u64) {
        self.kept.fetch_max(generation, Ordering::AcqRel);
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

impl<M, X> Clone for Context<M, X> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<M, X> fmt::Debug for Context<M, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context of {:?}", self.inner.attempt)
    }
}

impl<M, X> Context<M, X> {
    pub(crate) fn new(metadata: M, values: Arc<Values<X>>, attempt: Arc<Attempt>) -> Self {
        Self { inner: Arc::new(Inner { metadata, values, attempt }) }
    }

    /// What was asked.
    pub fn metadata(&self) -> &M {
        &self.inner.metadata
    }

    /// Looks at the execution metadata. Keep the closure short: others wait meanwhile.
    ///
    /// # Panics
    /// When a closure handed to [`update`](Context::update) panicked before: the value may be half changed.
    pub fn read<O>(&self, read: impl FnOnce(&X) -> O) -> O {
        read(&self.inner.values.value.lock().expect(TORN))
    }

    /// Changes the execution metadata. A closure and not a guard: no await can stand inside, so a change is never torn
    /// by a stop. The change is kept at the next [`checkpoint`](Context::checkpoint), at the latest when the
    /// executor's `autosave` (1 s) has passed, and always when the attempt ends, however it ends.
    ///
    /// # Panics
    /// When an earlier closure panicked. What it left half changed is never kept.
    pub fn update<O>(&self, change: impl FnOnce(&mut X) -> O) -> O {
        let mut value = self.inner.values.value.lock().expect(TORN);
        let out = change(&mut value);
        self.inner.values.delivered().account();
        self.inner.values.changes.fetch_add(1, Ordering::AcqRel);
        drop(value);
        self.inner.attempt.mark_unsaved();
        out
    }

    /// Looks at the execution metadata by way of a closure that could change it, and does not.
    pub(crate) fn look<O>(&self, look: impl FnOnce(&mut X) -> O) -> O {
        look(&mut self.inner.values.value.lock().expect(TORN))
    }

    /// Ends the attempt from within.
    pub(crate) fn stop_attempt(&self, reason: StopReason) {
        self.inner.attempt.stop(reason);
    }

    /// There is something to keep.
    pub(crate) fn attempt_handle(&self) -> &Attempt {
        &self.inner.attempt
    }

    fn changed(&self) {
        self.inner.values.changes.fetch_add(1, Ordering::AcqRel);
        self.inner.attempt.mark_unsaved();
    }

    /// The time, by the clock of the server: a task that reads it here, and not from the system, can be tested with a
    /// clock that is moved by hand.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let (ctx, _attempt) = longhaul::testing::context((), 0_u64).await;
    /// let deadline = ctx.now() + std::time::Duration::from_secs(60);
    /// assert!(ctx.now() < deadline);
    /// # }
    /// ```
    pub fn now(&self) -> SystemTime {
        self.inner.attempt.clock.now().into()
    }

    /// Which attempt this is, and what it resumed from.
    pub fn attempt(&self) -> AttemptInfo {
        self.inner.attempt.info()
    }

    /// The trace that the run comes from, as its enqueuer gave it: see [`Enqueue::trace`](crate::Enqueue::trace).
    pub fn trace(&self) -> Option<&str> {
        self.inner.attempt.trace.as_deref()
    }

    /// Tells people how far the run is. Costs no write of its own: what changed is published a few times a second.
    pub fn progress(&self) -> ProgressReporter<'_> {
        ProgressReporter::new(&self.inner.attempt)
    }

    /// `Err` once the attempt was told to stop: for loops that make no checkpoint.
    pub fn ensure_active(&self) -> Result<(), Stopped> {
        self.inner.attempt.ensure_active()
    }

    /// Becomes cancelled when the attempt is told to stop: hand it to libraries that take one.
    pub fn cancellation(&self) -> &CancellationToken {
        self.inner.attempt.token()
    }

    /// Why the attempt was told to stop; `None` while it may go on.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.inner.attempt.stop_reason().cloned()
    }

    /// `future`, unless the attempt is told to stop first: then `future` is dropped where it stands.
    ///
    /// ```
    /// # use longhaul::{AnyError, Context, ExecutionResult, Success};
    /// # async fn receive() -> u32 { 7 }
    /// # async fn execute(ctx: &Context<(), u32>) -> ExecutionResult<u32, AnyError> {
    /// let message = ctx.until_stopped(receive()).await?;
    /// # Success::with_result(message).for_error()
    /// # }
    /// ```
    pub async fn until_stopped<F: Future>(&self, future: F) -> Result<F::Output, Stopped> {
        tokio::select! {
            biased;
            () = self.inner.attempt.token().cancelled() => Err(Stopped(())),
            out = future => Ok(out),
        }
    }
}

impl<M: Payload, X: Payload> Context<M, X> {
    /// What was asked, without its type.
    pub(crate) fn asked(&self) -> Arc<dyn Asked> {
        self.inner.clone()
    }
}

impl<M, X: Payload> Context<M, X> {
    /// Keeps the execution metadata. `Ok` means that it is durable, and that no later attempt sees anything older.
    /// `Err` means that the attempt shall end: hand it on with `?`. The metadata is kept in that case too, unless the
    /// claim or the store is gone.
    ///
    /// Nothing is written when nothing changed. While the store does not answer, this waits for it.
    ///
    /// Cancel safe: when dropped, the save is either made or not, and a later one comes after it.
    ///
    /// # Panics
    /// When a closure handed to [`update`](Context::update) panicked before: there is nothing whole to keep.
    pub async fn checkpoint(&self) -> Result<(), Stopped> {
        self.inner.values.account();
        self.save().await
    }

    /// What a checkpoint is made of, for implementors of stores that write it in a transaction of the user's; say with
    /// [`CapturedCheckpoint::kept`] that it was committed. [`checkpoint`](Self::checkpoint) is this, and a write of the
    /// server's store in between.
    ///
    /// `Err` means that the attempt has ended, or cannot be saved, and shall end: hand it on with `?`.
    ///
    /// Cancel safe. Waits for another save of this attempt that is under way, so a task must not hold one capture while
    /// it asks for the next.
    ///
    /// # Panics
    /// When a closure handed to [`update`](Context::update) panicked before: there is nothing whole to keep.
    pub async fn capture_checkpoint(&self) -> Result<CapturedCheckpoint, Stopped> {
        self.assert_whole();
        self.inner.values.account();
        attempt::lend(&self.inner.attempt, self.inner.values.clone()).await
    }

    /// What the success of this attempt is made of, with this result, for implementors of stores that write it in a
    /// transaction of the user's; say with [`CapturedSuccess::kept`] that it was committed, and let the task return the
    /// same success. What the task returns is not written again then.
    ///
    /// Everything that a success writes is in it: the result, the execution metadata if it changed, the progress, and what
    /// the task has taken from its inbox.
    ///
    /// `Err` means that the attempt has ended, or that the result or the execution metadata cannot be kept (it is too
    /// large, or the result is of another type than the task's); then the run fails for good, as it does when a task
    /// returns such a value. Hand it on with `?`.
    ///
    /// Cancel safe. Waits for a save of this attempt that is under way, so a task must not hold another capture.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Success};
    /// use longhaul::store_api::{Store, store::{AttemptStore, prelude::*}};
    ///
    /// /// A store over SQL does this in one transaction with the rows of the user.
    /// async fn execute(ctx: &Context<u64, ()>, store: &dyn Store) -> ExecutionResult<u64, AnyError> {
    ///     let doubled = ctx.metadata() * 2;
    ///     let captured = ctx.capture_success(&doubled).await?;
    ///     let mut answers = store.settle(vec![captured.settlement().clone()]).await?;
    ///     match answers.remove(0) {
    ///         Ok(answer) => captured.kept(answer),
    ///         Err(error) => return Err(captured.refused(error).into()),
    ///     }
    ///     Success::with_result(doubled).for_error()
    /// }
    /// ```
    ///
    /// # Panics
    /// When a closure handed to [`update`](Context::update) panicked before: there is nothing whole to keep.
    pub async fn capture_success<R: Payload>(&self, result: &R) -> Result<CapturedSuccess, Stopped> {
        self.assert_whole();
        attempt::lend_success(&self.inner.attempt, &*self.inner.values, result).await
    }

    async fn save(&self) -> Result<(), Stopped> {
        self.assert_whole();
        attempt::save(&self.inner.attempt, self.inner.values.clone()).await
    }

    fn assert_whole(&self) {
        assert!(!self.inner.values.value.is_poisoned(), "{TORN}");
    }
}
