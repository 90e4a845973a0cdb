//! A checkpoint in a transaction of the user's PostgreSQL.

use longhaul_core::store::Checkpointed;
use longhaul_postgres::{PostgresStore, TransactionError, driver::UserTransaction};

use super::{Context, EffectError, StagedChange};
use crate::{outcome::Stopped, payload::Payload};

/// A checkpoint that was written in a transaction that is still open. Made by
/// [`Context::checkpoint_in`].
///
/// **Say what became of it**: [`committed`](Self::committed) or [`rolled_back`](Self::rolled_back). Dropping it says that it
/// is not known, and the attempt has to end; see [`StagedChange`]. So `?` on anything between the two is right.
///
/// ```no_run
/// use longhaul::{Stopped, UncommittedCheckpoint, postgres::tokio_postgres::{Error, Transaction}};
///
/// async fn commit(tx: Transaction<'_>, checkpoint: UncommittedCheckpoint) -> Result<Result<(), Stopped>, Error> {
///     tx.commit().await?; // if it fails, nobody knows whether it was committed
///     Ok(checkpoint.committed())
/// }
/// ```
#[derive(Debug)]
#[must_use = "say whether the transaction was committed: dropping it says that this is not known"]
pub struct UncommittedCheckpoint {
    staged: StagedChange,
    answer: Checkpointed,
}

impl UncommittedCheckpoint {
    /// The transaction was committed: the execution metadata is now what it was changed to. `Err`: the attempt was told to
    /// stop meanwhile; hand that on with `?`.
    pub fn committed(self) -> Result<(), Stopped> {
        self.staged.committed(self.answer)
    }

    /// The transaction was rolled back, and is known to be: the execution metadata stays as it was, and the task may try
    /// again.
    pub fn rolled_back(self) {
        self.staged.rolled_back();
    }
}

impl<M, X: Payload + Clone> Context<M, X> {
    /// A checkpoint in a transaction of the user's: the change of the execution metadata is committed with the user's rows,
    /// or neither is. So what the transaction does is done exactly once, whatever is killed and when. The transaction must be
    /// one of the database that `store` is in.
    ///
    /// **Call it first in the transaction.** An attempt that has lost its claim is refused here, and does no work.
    ///
    /// `change` is called twice: on a copy, for the checkpoint, and on the execution metadata once it is committed. It has
    /// to do the same both times.
    ///
    /// ```no_run
    /// use longhaul::{AnyError, Context, ExecutionResult, Success, postgres::{PostgresStore, tokio_postgres::Client}};
    ///
    /// // Pays 10 to each account, once.
    /// async fn pay(ctx: &Context<i32, i32>, store: &PostgresStore, db: &mut Client) -> ExecutionResult<(), AnyError> {
    ///     while ctx.read(|at| *at < *ctx.metadata()) {
    ///         let tx = db.transaction().await?;
    ///         let checkpoint = ctx.checkpoint_in(store, &tx, |at| *at += 1).await?;
    ///         let account = ctx.read(|at| *at); // still as it was
    ///         tx.execute("UPDATE account SET amount = amount + 10 WHERE id = $1", &[&account]).await?;
    ///         tx.commit().await?;
    ///         checkpoint.committed()?;
    ///     }
    ///     Success::with_result(()).for_error()
    /// }
    /// ```
    ///
    /// # Errors
    /// [`EffectError::Failed`] when the database refused it: roll the transaction back, and end the attempt with `?`, or begin
    /// the transaction again where [`TransactionError::is_retryable`]. [`EffectError::Stopped`] when the attempt shall end.
    ///
    /// # Cancel safety
    /// When the future is dropped, roll the transaction back. The attempt has to end then.
    ///
    /// # Panics
    /// When a closure handed to [`update`](Context::update) panicked before: there is nothing whole to keep.
    pub async fn checkpoint_in(
        &self,
        store: &PostgresStore,
        tx: impl Into<UserTransaction<'_>>,
        change: impl Fn(&mut X) + Send + Sync + 'static,
    ) -> Result<UncommittedCheckpoint, EffectError<TransactionError>> {
        let staged = self.stage(change).await.map_err(EffectError::Stopped)?;
        match store.checkpoint_in(tx, staged.checkpoint()).await {
            Ok(answer) => Ok(UncommittedCheckpoint { staged, answer }),
            Err(TransactionError::Lost(error)) => Err(EffectError::Stopped(staged.refused(error))),
            Err(error) => {
                // A transaction that failed can only be rolled back.
                staged.rolled_back();
                Err(EffectError::Failed(error))
            }
        }
    }
}
