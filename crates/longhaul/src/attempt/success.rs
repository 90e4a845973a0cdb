//! The success of an attempt in two halves, as `save.rs` has a checkpoint: capture what is to be settled, and take back
//! whether it was. The store's write stands in between; it may be part of a user's own transaction.

use std::sync::Arc;

use longhaul_core::{
    Ending, StateKind,
    store::{SettleError, Settled, Settlement},
};
use tokio::sync::OwnedMutexGuard;

use super::{
    capture::{Capture, CaptureError},
    shared::Attempt,
    stop::StopReason,
};
use crate::{outcome::Stopped, payload::Payload};

/// The success of an attempt that was captured and is not kept yet: for implementors of stores that write it in a
/// transaction of the user's. Made by [`Context::capture_success`](crate::Context::capture_success).
///
/// While it is held, the attempt saves nothing: autosave leaves the run out, and a
/// [`checkpoint`](crate::Context::checkpoint) waits for it. The end of the attempt does not wait: a transaction that
/// commits after the attempt was settled is refused by its epoch.
///
/// Dropping it says that it was not kept. Then the attempt goes on as if it had never been captured.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::store_api::{Ending, StateKind, store::Settled};
///
/// let (ctx, attempt) = longhaul::testing::context((), 0_u64).await;
/// ctx.update(|lines| *lines += 1);
/// let captured = ctx.capture_success(&"one line".to_owned()).await.expect("the attempt has not ended");
/// let settlement = captured.settlement(); // to be written in a transaction, under its epoch
/// assert!(matches!(&settlement.ending, Ending::Completed { result } if result.decode() == Ok("one line".to_owned())));
/// assert!(settlement.execution_metadata.is_some());
/// captured.kept(Settled::Now(StateKind::Completed)); // once the transaction is committed
/// assert!(ctx.checkpoint().await.is_err()); // the run is completed
/// # let _ = attempt;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it says that it was not kept"]
pub struct CapturedSuccess {
    attempt: Arc<Attempt>,
    settlement: Settlement,
    is_kept: bool,
    _saving: OwnedMutexGuard<()>,
}

impl std::fmt::Debug for CapturedSuccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CapturedSuccess of {:?}", self.attempt)
    }
}

impl CapturedSuccess {
    /// What to write. It names the epoch: a store has to refuse it if the attempt has lost its claim, so that nothing
    /// else of the transaction is committed either.
    pub fn settlement(&self) -> &Settlement {
        &self.settlement
    }

    /// The store has kept it, and answered this. The run is completed, whatever the task returns from now on: let it
    /// return the same success. It can save nothing any more.
    #[expect(clippy::needless_pass_by_value, reason = "as for a checkpoint: the answer of the store is used up here")]
    pub fn kept(mut self, answer: Settled) {
        self.is_kept = true;
        let state = match answer {
            Settled::Now(state) => state,
            Settled::Already => StateKind::Completed,
        };
        self.attempt.set_settled(self.settlement.clone(), state);
    }

    /// The store has refused it, because the claim is lost or the run is gone: the attempt shall end.
    pub fn refused(self, _: SettleError) -> Stopped {
        self.stop(StopReason::ClaimLost)
    }

    /// The attempt has settled its run before, in a transaction whose end it does not know.
    #[cfg(feature = "postgres")]
    pub(crate) fn unknown(self) -> Stopped {
        self.stop(StopReason::Uncommitted)
    }

    /// The same as [`refused`](Self::refused), by a check that checkpoints have too.
    #[cfg(feature = "postgres")]
    pub(crate) fn lost(self, _: longhaul_core::store::CheckpointError) -> Stopped {
        self.stop(StopReason::ClaimLost)
    }

    fn stop(self, reason: StopReason) -> Stopped {
        self.attempt.stop(reason);
        Stopped(())
    }
}

impl Drop for CapturedSuccess {
    fn drop(&mut self) {
        // What was kept stays lent: autosave has nothing to write for an attempt that was settled.
        if !self.is_kept {
            self.attempt.set_lent(false);
        }
    }
}

/// Captures a success with this result, once the save that is under way is done, and lends it to the user.
///
/// Cancel safe.
pub(crate) async fn lend_success<R: Payload>(
    attempt: &Arc<Attempt>,
    values: &dyn Capture,
    result: &R,
) -> Result<CapturedSuccess, Stopped> {
    let saving = attempt.lock_saves().await;
    // Before `capture` looks whether the attempt has ended; see `Attempt::close`.
    attempt.set_lent(true);
    let settlement = capture(attempt, values, result).inspect_err(|_| attempt.set_lent(false))?;
    Ok(CapturedSuccess { attempt: attempt.clone(), settlement, is_kept: false, _saving: saving })
}

fn capture<R: Payload>(attempt: &Attempt, values: &dyn Capture, result: &R) -> Result<Settlement, Stopped> {
    if attempt.has_ended() {
        return Err(Stopped(()));
    }
    let refused = |why: String| {
        attempt.stop(StopReason::Refused { why: why.into() });
        Stopped(())
    };
    let result = attempt.result_format().encode(result).map_err(refused)?;
    let captured = match values.capture_end() {
        Ok(captured) => captured,
        // What was kept before stands.
        Err(CaptureError::Torn) => None,
        // What the end would say of the values could be older than what was committed.
        Err(CaptureError::Unknown) => {
            attempt.stop(StopReason::Uncommitted);
            return Err(Stopped(()));
        }
        Err(CaptureError::Refused(why)) => return Err(refused(why)),
    };
    let taken = captured.as_ref().map(|captured| captured.taken.clone()).unwrap_or_default();
    Ok(Settlement {
        id: attempt.id,
        epoch: attempt.epoch,
        ending: Ending::Completed { result },
        execution_metadata: captured.map(|captured| (attempt.next_seq(), captured.value)),
        taken,
        progress: attempt.reported_progress(),
    })
}
