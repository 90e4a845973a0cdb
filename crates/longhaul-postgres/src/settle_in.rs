//! The end of an attempt, in a transaction of the user's.

use std::{fmt, sync::Arc};

use longhaul_core::store::{CheckpointError, SettleError, Settled, Settlement};

use crate::{
    change::{Change, News},
    driver::UserTransaction,
    error::Fault,
    handle::Inner,
    in_transaction::TransactionError,
    ops::write::{Write, Wrote},
    row::{self, Kept},
    session::SessionIn,
    store::PostgresStore,
};

/// The end of an attempt that was written in a transaction that is still open. Made by [`PostgresStore::settle_in`].
///
/// Say with [`committed`](Self::committed) that it was committed. Dropping it is right in every other case: if the answer to
/// `COMMIT` was lost, the next write of the attempt finds out what the database has.
///
/// ```no_run
/// use longhaul_core::store::Settlement;
/// use longhaul_postgres::{PostgresStore, tokio_postgres::Client};
///
/// async fn settle(store: &PostgresStore, db: &mut Client, end: &Settlement) -> Result<(), Box<dyn std::error::Error>> {
///     let tx = db.transaction().await?;
///     let settled = store.settle_in(&tx, end).await?;
///     tx.execute("INSERT INTO receipt DEFAULT VALUES", &[]).await?;
///     tx.commit().await?;
///     settled.committed();
///     Ok(())
/// }
/// ```
#[must_use = "say when the transaction was committed: others wait for the end of the run"]
pub struct UncommittedEnd {
    inner: Arc<Inner>,
    answer: Settled,
    kept: Kept,
    news: News,
}

impl fmt::Debug for UncommittedEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UncommittedEnd")
            .field("run", &self.kept.stored.run.id)
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

impl UncommittedEnd {
    /// What the store answers. [`Settled::Already`]: an earlier transaction of this attempt has ended the run, and whatever
    /// belongs to its end was committed with that. Roll this transaction back.
    pub fn answer(&self) -> &Settled {
        &self.answer
    }

    /// The transaction was committed: whoever waits for the end of the run is woken.
    pub fn committed(self) -> Settled {
        self.inner.held.written([self.kept]);
        self.news.tell(&self.inner);
        self.answer
    }
}

impl PostgresStore {
    /// Ends an attempt in a transaction of the user's: the end of the run and the user's rows are committed together, or
    /// neither. The transaction must be one of the same database.
    ///
    /// **Call it first.** It checks the epoch and locks the run's row until the end of the transaction. So an attempt that
    /// has lost its claim does no work.
    ///
    /// Tasks call `Context::complete_in` of the crate `longhaul`, which is this with the values of the attempt.
    ///
    /// # Errors
    /// [`TransactionError`]: in each case the transaction must be rolled back.
    ///
    /// # Cancel safety
    /// When the future is dropped, roll the transaction back.
    pub async fn settle_in(
        &self,
        tx: impl Into<UserTransaction<'_>>,
        settlement: &Settlement,
    ) -> Result<UncommittedEnd, TransactionError> {
        let inner = &self.inner;
        inner.ensure_open()?;
        let session = inner.db.session_of(tx.into());
        let settings = session.force_plans().await.map_err(TransactionError::of)?;
        let settled = loop {
            match inner.settle_locked(&session, settlement).await {
                Err(Fault::Lanes(missing)) => inner.make_lanes(missing).await?,
                settled => break settled.map_err(TransactionError::of)?,
            }
        };
        session.restore(&settings).await.map_err(TransactionError::of)?;
        let (answer, kept, news) = settled.map_err(TransactionError::Lost)?;
        Ok(UncommittedEnd { inner: Arc::clone(inner), answer, kept, news })
    }
}

impl Inner {
    async fn settle_locked(
        &self,
        session: &SessionIn<'_>,
        settlement: &Settlement,
    ) -> Result<Result<(Settled, Kept, News), CheckpointError>, Fault> {
        let Some(kept) = row::lock(session, [settlement.id]).await?.pop() else {
            return Ok(Err(CheckpointError::NotFound(settlement.id)));
        };
        let mut changes = [Change::of(kept)];
        let write = Write::Settle(settlement.clone());
        let Wrote::Settle(settled) = write.apply(self.now(), &mut changes[0]) else {
            unreachable!("a settlement is answered as one")
        };
        let answer = match settled {
            Ok(answer) => answer,
            Err(SettleError::EpochLost { id, epoch }) => return Ok(Err(CheckpointError::EpochLost { id, epoch })),
            Err(SettleError::NotFound(id)) => return Ok(Err(CheckpointError::NotFound(id))),
        };
        let mut news = News::default();
        self.keep_locked(session, &mut changes, &mut news).await?;
        let [change] = changes;
        Ok(Ok((answer, change.kept, news)))
    }
}
