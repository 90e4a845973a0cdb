//! What the store writes in a transaction of the user's: it is committed with the user's rows, or not at all.

use longhaul_core::{
    Inserted, NewRun, StoreError,
    store::{Checkpoint, CheckpointError, Checkpointed, InsertError},
};

use crate::{
    change::{Change, News},
    driver::UserTransaction,
    error::Fault,
    handle::Inner,
    lane_key::LaneKey,
    ops::write::{Write, Wrote},
    row,
    session::SessionIn,
    store::PostgresStore,
};

/// Something was not written in a transaction of the user's.
///
/// ```
/// use longhaul_postgres::TransactionError;
///
/// let deadlock = TransactionError::Database { code: Some("40P01".into()), reason: "deadlock detected".into() };
/// assert!(deadlock.is_retryable());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The run was refused. The transaction can go on, and has nothing of the run.
    #[error(transparent)]
    Refused(#[from] InsertError),
    /// The attempt has lost its claim, or its run is gone. Roll the transaction back: another attempt does this work.
    #[error("{0}: roll the transaction back")]
    Lost(CheckpointError),
    /// The database refused a statement. The transaction can only be rolled back.
    #[error("the transaction can only be rolled back: {reason}")]
    Database {
        /// Its SQLSTATE, where the database has said one.
        code: Option<Box<str>>,
        /// What it said.
        reason: Box<str>,
    },
    /// The store failed beside the transaction, which can go on.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TransactionError {
    /// Whether the same transaction may work when it is made again from its beginning.
    pub fn is_retryable(&self) -> bool {
        match self {
            // 40: it could not be ordered among others. 55P03: a lock was not to be had. 57 and 08: the server went away.
            Self::Database { code: Some(code), .. } => {
                code.starts_with("40") || &**code == "55P03" || code.starts_with("57P") || code.starts_with("08")
            }
            Self::Database { code: None, .. } => true,
            Self::Store(error) => error.is_transient(),
            Self::Refused(_) | Self::Lost(_) => false,
        }
    }

    pub(crate) fn of(fault: Fault) -> Self {
        match fault {
            Fault::Store(StoreError::Unavailable { reason }) => Self::database(&reason),
            Fault::Store(error) => Self::Store(error),
            Fault::Again(reason) | Fault::Unique(reason) | Fault::Denied(reason) => Self::database(&reason),
            Fault::Moved => Self::database("a locked row was changed"),
            Fault::Lanes(_) => Self::Store(StoreError::Unavailable { reason: "lanes are made again and again".into() }),
        }
    }

    /// A [`Fault`] has the code before the text.
    fn database(reason: &str) -> Self {
        let code = reason.split_once(": ").map(|(code, _)| code);
        let code = code.filter(|code| code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        Self::Database { code: code.map(Into::into), reason: reason.into() }
    }
}

impl PostgresStore {
    /// Enqueues a run in a transaction of the user's: it is there when the transaction is committed, and not before. The
    /// transaction must be one of the same database; it may be one of [another driver](UserTransaction).
    ///
    /// A run that is prepared elsewhere (`Enqueue::prepare`, or `longhaul::new_run`) is a [`NewRun`]. Servers see it as soon
    /// as they look: within [`Options::poll`](crate::Options::poll).
    ///
    /// ```no_run
    /// # use longhaul_core::{Inserted, NewRun};
    /// # use longhaul_postgres::{PostgresStore, TransactionError};
    /// # async fn example(store: PostgresStore, mut client: tokio_postgres::Client, mail: NewRun)
    /// #     -> Result<(), Box<dyn std::error::Error>> {
    /// let tx = client.transaction().await?;
    /// tx.execute("INSERT INTO customer (name) VALUES ($1)", &[&"Ann"]).await?;
    /// let inserted = store.enqueue_in(&tx, mail).await?;
    /// tx.commit().await?;
    /// assert_eq!(inserted, Inserted::New);
    /// # Ok(()) }
    /// ```
    ///
    /// A unique key is taken when the transaction is committed. Another transaction that takes the same key meanwhile
    /// waits for this one, so keep it short.
    ///
    /// # Errors
    /// [`TransactionError`]. After [`Database`](TransactionError::Database) the transaction can only be rolled back.
    ///
    /// # Cancel safety
    /// When the future is dropped, roll the transaction back.
    pub async fn enqueue_in(
        &self,
        tx: impl Into<UserTransaction<'_>>,
        run: impl Into<NewRun>,
    ) -> Result<Inserted, TransactionError> {
        self.inner.ensure_open()?;
        let run = [run.into()];
        let session = self.inner.db.session_of(tx.into());
        let settings = session.force_plans().await.map_err(TransactionError::of)?;
        let mut answers = loop {
            let mut news = News::default();
            match self.inner.insert_in(&session, self.inner.now(), &run, &mut news).await {
                Err(Fault::Lanes(missing)) => self.inner.make_lanes(missing).await?,
                answers => break answers.map_err(TransactionError::of)?,
            }
        };
        session.restore(&settings).await.map_err(TransactionError::of)?;
        Ok(answers.remove(0)?)
    }

    /// Keeps a checkpoint in a transaction of the user's: the execution metadata and the user's rows are committed
    /// together, or neither. The transaction must be one of the same database.
    ///
    /// **Call it first.** It checks the epoch and locks the run's row until the end of the transaction. So an attempt that
    /// has lost its claim does no work, and none that comes later commits before this one has ended.
    ///
    /// Tasks call `Context::checkpoint_in` of the crate `longhaul`, which is this with the values of the attempt.
    ///
    /// # Errors
    /// [`TransactionError`]: in each case the transaction must be rolled back.
    ///
    /// # Cancel safety
    /// When the future is dropped, roll the transaction back.
    pub async fn checkpoint_in(
        &self,
        tx: impl Into<UserTransaction<'_>>,
        checkpoint: &Checkpoint,
    ) -> Result<Checkpointed, TransactionError> {
        self.inner.ensure_open()?;
        let session = self.inner.db.session_of(tx.into());
        let settings = session.force_plans().await.map_err(TransactionError::of)?;
        let kept = loop {
            match self.inner.checkpoint_locked(&session, checkpoint).await {
                Err(Fault::Lanes(missing)) => self.inner.make_lanes(missing).await?,
                kept => break kept.map_err(TransactionError::of)?,
            }
        };
        session.restore(&settings).await.map_err(TransactionError::of)?;
        kept.map_err(TransactionError::Lost)
    }
}

impl Inner {
    /// Lanes are made in a transaction of their own: they are there for all, whatever becomes of the user's.
    pub(crate) async fn make_lanes(&self, missing: Vec<LaneKey>) -> Result<(), StoreError> {
        self.lanes.make(&self.db, missing).await.map_err(Fault::into_store)
    }

    async fn checkpoint_locked(
        &self,
        session: &SessionIn<'_>,
        checkpoint: &Checkpoint,
    ) -> Result<Result<Checkpointed, CheckpointError>, Fault> {
        let Some(kept) = row::lock(session, [checkpoint.id]).await?.pop() else {
            return Ok(Err(CheckpointError::NotFound(checkpoint.id)));
        };
        let mut changes = [Change::of(kept)];
        let write = Write::Checkpoint(checkpoint.clone());
        let Wrote::Checkpoint(kept) = write.apply(self.now(), &mut changes[0]) else {
            unreachable!("a checkpoint is answered as one")
        };
        // Who waits in this process hears of it by looking: whether the user commits is not known here.
        self.keep_locked(session, &mut changes, &mut News::default()).await?;
        Ok(kept)
    }
}
