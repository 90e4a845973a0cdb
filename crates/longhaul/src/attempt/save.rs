//! A save in two halves: capture what is to be kept, and take back whether it was kept. The store's write stands in
//! between; it may be part of a user's own transaction.

use std::sync::{Arc, atomic::Ordering};

use longhaul_core::store::{Checkpoint, CheckpointError, Checkpointed};
use tokio::sync::OwnedMutexGuard;

use super::{
    capture::{Capture, CaptureError},
    shared::Attempt,
    stop::StopReason,
};
use crate::{backoff::ErrorBackoff, outcome::Stopped, telemetry::metrics::Saving};

/// A checkpoint of an attempt that was captured and is not kept yet: for implementors of stores that write it in a
/// transaction of the user's. Made by [`Context::capture_checkpoint`](crate::Context::capture_checkpoint).
///
/// While it is held, no other save of the attempt is made: autosave leaves the run out, and a
/// [`checkpoint`](crate::Context::checkpoint) waits for it. So finish it before the next checkpoint of the same task.
/// The end of the attempt does not wait: a transaction that commits after the attempt was settled is refused by its
/// epoch.
///
/// Dropping it says that it was not kept. The next save writes everything that it held.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use longhaul::store_api::{Store, store::Checkpointed};
/// let (ctx, attempt) = longhaul::testing::context((), 0_u64).await;
/// ctx.update(|lines| *lines += 1);
/// let captured = ctx.capture_checkpoint().await.expect("nobody stopped the attempt");
/// let checkpoint = captured.checkpoint(); // to be written in a transaction, under its epoch
/// assert_eq!((checkpoint.seq, checkpoint.execution_metadata.is_some()), (1, true));
/// captured.kept(Checkpointed::default()).expect("nobody stopped the attempt"); // once the transaction is committed
/// # let _ = attempt;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it says that it was not kept"]
pub struct CapturedCheckpoint {
    attempt: Arc<Attempt>,
    values: Arc<dyn Capture>,
    checkpoint: Checkpoint,
    generation: Option<u64>,
    timing: Saving,
    is_kept: bool,
    is_lent: bool,
    _saving: OwnedMutexGuard<()>,
}

impl std::fmt::Debug for CapturedCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CapturedCheckpoint({} of {:?})", self.checkpoint.seq, self.attempt)
    }
}

impl CapturedCheckpoint {
    /// What to write. Its `execution_metadata` is `None` if nothing changed: a store still has to check the epoch, so
    /// that nothing of an attempt that lost its claim is committed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The store has kept it, and answered this. `Err`: the attempt was told to stop meanwhile; hand that on with `?`.
    pub fn kept(mut self, answer: Checkpointed) -> Result<(), Stopped> {
        self.is_kept = true;
        if let Some(generation) = self.generation {
            self.values.kept(generation);
            self.timing.kept(&self.attempt.kind, &self.attempt.queue, self.attempt.clock.now());
        }
        self.attempt.apply_answer(Ok(answer))?;
        self.attempt.ensure_active()
    }

    /// The store has refused it, because the claim is lost or the run is gone: the attempt shall end.
    pub fn refused(self, error: CheckpointError) -> Stopped {
        // A refusal is always an `Err`.
        self.attempt.apply_answer(Err(error)).err().unwrap_or(Stopped(()))
    }
}

impl Drop for CapturedCheckpoint {
    fn drop(&mut self) {
        if !self.is_kept {
            // Execution metadata that was not kept is captured again, since its generation is not.
            self.attempt.put_back_progress();
        }
        if self.is_lent {
            self.attempt.set_lent(false);
        }
    }
}

/// Captures what changed, once the save that is under way is done, and lends it to the user.
///
/// Cancel safe.
pub(crate) async fn lend(attempt: &Arc<Attempt>, values: Arc<dyn Capture>) -> Result<CapturedCheckpoint, Stopped> {
    let saving = attempt.lock_saves().await;
    // Before `capture` looks whether the attempt has ended; see `Attempt::close`.
    attempt.set_lent(true);
    let mut captured = capture(attempt, values, saving).inspect_err(|_| attempt.set_lent(false))?;
    captured.is_lent = true;
    Ok(captured)
}

/// Saves what changed, and keeps trying while the store may come back. `Err`: the attempt shall end.
///
/// Cancel safe: a save that was dropped half way is either made or not, and the next one comes after it.
pub(crate) async fn save(attempt: &Arc<Attempt>, values: Arc<dyn Capture>) -> Result<(), Stopped> {
    let saving = attempt.lock_saves().await;
    write(capture(attempt, values, saving)?).await
}

/// The same, unless another save is under way, or the user holds a capture.
pub(crate) async fn autosave(attempt: &Arc<Attempt>, values: Arc<dyn Capture>) -> Result<(), Stopped> {
    match attempt.try_lock_saves() {
        Some(saving) => write(capture(attempt, values, saving)?).await,
        None => Ok(()),
    }
}

/// The first half.
fn capture(
    attempt: &Arc<Attempt>,
    values: Arc<dyn Capture>,
    saving: OwnedMutexGuard<()>,
) -> Result<CapturedCheckpoint, Stopped> {
    if attempt.has_ended() {
        return Err(Stopped(()));
    }
    attempt.unsaved.store(false, Ordering::Release);
    let captured = match values.capture() {
        Ok(captured) => captured,
        // What was kept before stands; the progress is kept nevertheless.
        Err(CaptureError::Torn) => None,
        // Whoever asks for a save is told to stop, because nothing of it would be kept.
        Err(CaptureError::Unknown) => {
            attempt.stop(StopReason::Uncommitted);
            return Err(Stopped(()));
        }
        Err(CaptureError::Refused(why)) => {
            attempt.put_back_progress();
            attempt.stop(StopReason::Refused { why: why.into() });
            return Err(Stopped(()));
        }
    };
    let (seq, taken) = match &captured {
        Some(captured) => (attempt.next_seq(), captured.taken.clone()),
        None => (attempt.latest_seq(), Vec::new()),
    };
    let (execution_metadata, generation) = captured.map(|captured| (captured.value, captured.generation)).unzip();
    let (id, epoch, progress) = (attempt.id, attempt.epoch, attempt.take_progress());
    Ok(CapturedCheckpoint {
        attempt: attempt.clone(),
        values,
        checkpoint: Checkpoint { id, epoch, seq, execution_metadata, taken, progress },
        generation,
        timing: Saving::started(attempt.clock.now()),
        is_kept: false,
        is_lent: false,
        _saving: saving,
    })
}

/// The store's write, for a capture that was not lent, and the second half.
async fn write(captured: CapturedCheckpoint) -> Result<(), Stopped> {
    if captured.checkpoint.execution_metadata.is_none() && captured.checkpoint.progress.is_none() {
        return captured.kept(Checkpointed::default());
    }
    let attempt = captured.attempt.clone();
    let mut max_wait = ErrorBackoff::default();
    loop {
        match attempt.store.checkpoint(vec![captured.checkpoint.clone()]).await {
            Ok(mut answers) => {
                return match answers.pop().expect("one answer for one checkpoint") {
                    Ok(answer) => captured.kept(answer),
                    Err(error) => Err(captured.refused(error)),
                };
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(run.id = %attempt.id, %error, "a checkpoint waits for the store");
                tokio::select! {
                    () = max_wait.pause() => {}
                    // Stopped while the store is away: the last save goes with the settlement.
                    () = attempt.token().cancelled() => return Err(Stopped(())),
                }
            }
            Err(error) => {
                attempt.stop(StopReason::StoreBroken { error });
                return Err(Stopped(()));
            }
        }
    }
}
