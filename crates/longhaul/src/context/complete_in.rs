//! The success of an attempt in a transaction of the user's PostgreSQL.

use longhaul_core::store::Settled;
use longhaul_postgres::{PostgresStore, TransactionError, UncommittedEnd, driver::UserTransaction};

use super::{Context, EffectError};
use crate::{attempt::CapturedSuccess, payload::Payload};

/// The success of an attempt that was written in a transaction that is still open. Made by [`Context::complete_in`].
///
/// Say with [`committed`](Self::committed) that it was committed. Dropping it is right in every other case, also if nobody
/// knows whether it was committed: the end of the attempt finds that out.
///
/// ```no_run
/// use longhaul::{UncommittedSuccess, postgres::tokio_postgres::{Error, Transaction}};
///
/// async fn commit(tx: Transaction<'_>, success: UncommittedSuccess) -> Result<(), Error> {
///     tx.commit().await?; // if it fails, the end of the attempt finds out whether it was committed
///     success.committed();
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "say when the transaction was committed"]
pub struct UncommittedSuccess {
    captured: CapturedSuccess,
    end: UncommittedEnd,
}

impl UncommittedSuccess {
    /// The transaction was committed, so the run is completed, whatever the task returns from now on: let it return the same
    /// success. The attempt can save nothing any more.
    pub fn committed(self) {
        self.captured.kept(self.end.committed());
    }

    /// The transaction was rolled back: the attempt goes on as if nothing had been written.
    pub fn rolled_back(self) {}
}

impl<M, X: Payload> Context<M, X> {
    /// Completes the run in a transaction of the user's: the result, the execution metadata and the user's rows are committed
    /// together, or none of them is. So the last step of a run is done exactly once, whatever is killed and when. The
    /// transaction must be one of the database that `store` is in.
    ///
    /// **Call it first in the transaction.** An attempt that has lost its claim is refused here, and does no work.
    ///
    /// ```no_run
    /// use longhaul::{AnyError, Context, ExecutionResult, Success, postgres::{PostgresStore, tokio_postgres::Client}};
    ///
    /// // Sends an invoice to be printed, once.
    /// async fn invoice(ctx: &Context<i32, ()>, store: &PostgresStore, db: &mut Client) -> ExecutionResult<i64, AnyError> {
    ///     let amount = i64::from(*ctx.metadata()) * 10;
    ///     let tx = db.transaction().await?;
    ///     let success = ctx.complete_in(store, &tx, &amount).await?;
    ///     tx.execute("INSERT INTO invoice (amount) VALUES ($1)", &[&amount]).await?;
    ///     tx.commit().await?;
    ///     success.committed();
    ///     Success::with_result(amount).for_error()
    /// }
    /// ```
    ///
    /// If the answer to `COMMIT` is lost, return the error. The end of the attempt finds out whether it was committed: the
    /// run is completed then, and otherwise it is tried again as after any other error.
    ///
    /// # Errors
    /// [`EffectError::Failed`] when the database refused it: roll the transaction back, and end the attempt with `?`, or begin
    /// the transaction again where [`TransactionError::is_retryable`]. [`EffectError::Stopped`] when the attempt shall end:
    /// its claim is lost, the result cannot be kept, or an earlier transaction of this attempt has completed the run.
    ///
    /// # Cancel safety
    /// When the future is dropped, roll the transaction back. The attempt can go on.
    ///
    /// # Panics
    /// When a closure handed to [`update`](Context::update) panicked before: there is nothing whole to keep.
    pub async fn complete_in<R: Payload>(
        &self,
        store: &PostgresStore,
        tx: impl Into<UserTransaction<'_>>,
        result: &R,
    ) -> Result<UncommittedSuccess, EffectError<TransactionError>> {
        let captured = self.capture_success(result).await.map_err(EffectError::Stopped)?;
        match store.settle_in(tx, captured.settlement()).await {
            // The rows of the earlier transaction are committed: what follows in this one would be done twice.
            Ok(end) if *end.answer() == Settled::Already => Err(EffectError::Stopped(captured.unknown())),
            Ok(end) => Ok(UncommittedSuccess { captured, end }),
            Err(TransactionError::Lost(error)) => Err(EffectError::Stopped(captured.lost(error))),
            Err(error) => Err(EffectError::Failed(error)),
        }
    }
}
