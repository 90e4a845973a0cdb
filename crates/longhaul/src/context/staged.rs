//! A change of the execution metadata that holds once a transaction of the user's is committed, and not before.

use std::{
    fmt,
    sync::{Arc, Mutex, atomic::Ordering},
};

use longhaul_core::store::{Checkpoint, CheckpointError, Checkpointed};

use super::{Context, Values};
use crate::{
    attempt::{self, Capture, CaptureError, Captured, CapturedCheckpoint},
    outcome::Stopped,
    payload::Payload,
};

/// A change of the execution metadata that was captured with a checkpoint, and holds once that is committed. Made by
/// [`Context::stage`].
///
/// **Say what became of it**: [`committed`](Self::committed) or [`rolled_back`](Self::rolled_back). Dropping it says that it
/// is not known: the connection broke during `COMMIT`, for instance. From then on the attempt saves no execution metadata
/// any more, since that could undo what was committed. It has to end, and the next attempt finds what the database has.
///
/// While it is held, no other save of the attempt is made, as with a [`CapturedCheckpoint`].
///
/// ```
/// use longhaul::{Context, StagedChange, Stopped};
///
/// /// The next row, for a transaction that the caller is about to commit.
/// async fn next_row(ctx: &Context<u64, u64>) -> Result<StagedChange, Stopped> {
///     let staged = ctx.stage(|row| *row += 1).await?;
///     assert_eq!(staged.checkpoint().id, ctx.attempt().run);
///     Ok(staged)
/// }
/// ```
#[must_use = "say whether the transaction was committed: dropping it says that this is not known"]
pub struct StagedChange {
    /// `None` once it is said what became of it.
    captured: Option<CapturedCheckpoint>,
    values: Arc<dyn Capture>,
}

impl fmt::Debug for StagedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StagedChange").field(&self.captured).finish()
    }
}

impl StagedChange {
    /// What to write in the transaction, under its epoch, before anything else.
    pub fn checkpoint(&self) -> &Checkpoint {
        self.captured.as_ref().expect("it is there until it is said what became of it").checkpoint()
    }

    /// The transaction was committed, and the store had answered this. The execution metadata is now what it was changed
    /// to. `Err`: the attempt was told to stop meanwhile; hand that on with `?`.
    pub fn committed(mut self, answer: Checkpointed) -> Result<(), Stopped> {
        self.take().kept(answer)
    }

    /// The transaction was rolled back, and is known to be: the execution metadata stays as it was.
    pub fn rolled_back(mut self) {
        drop(self.take());
    }

    /// The store has refused it, because the claim is lost or the run is gone: the attempt shall end.
    pub fn refused(mut self, error: CheckpointError) -> Stopped {
        self.take().refused(error)
    }

    fn take(&mut self) -> CapturedCheckpoint {
        self.captured.take().expect("it is there until it is said what became of it")
    }
}

impl Drop for StagedChange {
    fn drop(&mut self) {
        if self.captured.is_some() {
            self.values.close();
        }
    }
}

/// The values of a context with a change that does not hold yet.
struct Staged<X, F> {
    values: Arc<Values<X>>,
    change: F,
    /// The change is made once, however often it is said to be kept.
    is_made: Mutex<bool>,
}

impl<X: Payload + Clone, F: Fn(&mut X) + Send + Sync> Capture for Staged<X, F> {
    fn capture(&self) -> Result<Option<Captured>, CaptureError> {
        self.values.ensure_open()?;
        let mut value = self.values.value.lock().map_err(|_| CaptureError::Torn)?.clone();
        // What is kept afterwards is newer than all that was changed so far.
        let generation = self.values.changes.fetch_add(1, Ordering::AcqRel) + 1;
        (self.change)(&mut value);
        self.values.encoded(&value, generation, super::Delivered::accounted).map(Some)
    }

    fn capture_end(&self) -> Result<Option<Captured>, CaptureError> {
        self.capture()
    }

    fn account(&self) {
        self.values.account();
    }

    fn kept(&self, generation: u64) {
        let mut is_made = self.is_made.lock().expect("nothing panics while it is held");
        // Somebody else's closure has panicked: then nothing of this attempt is saved any more.
        if let Ok(mut value) = self.values.value.lock()
            && !std::mem::replace(&mut *is_made, true)
        {
            (self.change)(&mut value);
        }
        self.values.kept(generation);
    }

    fn close(&self) {
        self.values.close();
    }
}

impl<M, X: Payload + Clone> Context<M, X> {
    /// A checkpoint whose change holds once it is committed: for work that is done in a transaction of the user's, with the
    /// execution metadata in the same database. `update` and [`capture_checkpoint`](Self::capture_checkpoint) would keep
    /// the change even if the transaction was rolled back; this does not.
    ///
    /// `change` is called twice: on a copy, for the checkpoint, and on the execution metadata once it is committed. It has
    /// to do the same both times.
    ///
    /// ```
    /// # use longhaul::store_api::store::Checkpointed;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (ctx, _attempt) = longhaul::testing::context((), 0_u64).await;
    /// let staged = ctx.stage(|lines| *lines += 1).await.expect("nobody stopped the attempt");
    /// assert!(staged.checkpoint().execution_metadata.is_some()); // has 1
    /// assert_eq!(ctx.read(|lines| *lines), 0); // not yet
    /// // … write the checkpoint and more in one transaction, and commit it …
    /// staged.committed(Checkpointed::default()).expect("nobody stopped the attempt");
    /// assert_eq!(ctx.read(|lines| *lines), 1);
    /// # }
    /// ```
    ///
    /// `Err` means that the attempt has ended, cannot be saved, or that it is not known what became of an earlier change:
    /// hand it on with `?`.
    ///
    /// Cancel safe. Waits for another save of this attempt that is under way.
    ///
    /// # Panics
    /// When a closure handed to [`update`](Context::update) panicked before: there is nothing whole to keep.
    pub async fn stage(&self, change: impl Fn(&mut X) + Send + Sync + 'static) -> Result<StagedChange, Stopped> {
        self.assert_whole();
        let values = Arc::new(Staged { values: self.inner.values.clone(), change, is_made: Mutex::new(false) });
        values.account();
        let captured = attempt::lend(&self.inner.attempt, values.clone()).await?;
        Ok(StagedChange { captured: Some(captured), values })
    }
}
