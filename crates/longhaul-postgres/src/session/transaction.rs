//! A transaction, and how often it is made again.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::Object;

use super::{Db, PLANS, Row, Session, SessionIn, Step, connection::Connection};
use crate::{clock::pause, error::Fault, id::Uuid};

impl Db {
    /// A transaction whose end is on disk when it is committed.
    pub(crate) async fn begin(&self) -> Result<Tx, Fault> {
        self.begin_with("on").await
    }

    /// A transaction whose end outlives the process, but need not survive a power cut.
    pub(crate) async fn begin_async(&self) -> Result<Tx, Fault> {
        self.begin_with("off").await
    }

    async fn begin_with(&self, synchronous: &str) -> Result<Tx, Fault> {
        let synchronous = if synchronous == "off" { "SET LOCAL synchronous_commit = off; " } else { "" };
        let mut session = self.session().await?;
        session.in_transaction = true;
        session.begin = Mutex::new(Some(format!(
            "BEGIN; {synchronous}{PLANS}; SET LOCAL lock_timeout = '2s'; \
             SET LOCAL idle_in_transaction_session_timeout = '5s'"
        )));
        Ok(Tx { session: Some(session), has_ended: AtomicBool::new(false) })
    }
}

/// A transaction. One that is dropped before its end takes its connection with it: the database rolls it back.
pub(crate) struct Tx {
    session: Option<Session>,
    has_ended: AtomicBool,
}

impl std::ops::Deref for Tx {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.as_ref().expect("the transaction has not ended")
    }
}

impl Tx {
    /// Sends the last statements and the commit together. After that only [`commit`](Self::commit) may follow, or
    /// [`roll_back`](Self::roll_back) after an error.
    pub(crate) async fn finish(&self, steps: &[Step<'_>]) -> Result<Vec<Vec<Row>>, Fault> {
        let begin = self.take_begin();
        let finished = self.send(begin.as_deref(), steps, true).await;
        let has_ended = finished.as_ref().map_or_else(|failed| failed.has_ended, |(_, has_ended)| *has_ended);
        self.has_ended.store(has_ended, Ordering::Release);
        Ok(finished?.0)
    }

    /// Makes one statement the whole transaction, so that it needs neither `BEGIN` nor `COMMIT`. Nothing was sent before,
    /// and only [`commit`](Self::commit) or [`roll_back`](Self::roll_back) may follow. The settings of a transaction do
    /// not hold for it.
    pub(crate) async fn be(&self, step: Step<'_>) -> Result<(), Fault> {
        assert!(self.take_begin().is_some(), "the transaction has begun");
        self.has_ended.store(true, Ordering::Release);
        self.send(None, &[step], false).await?;
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), Fault> {
        self.end("COMMIT").await
    }

    pub(crate) async fn roll_back(self) {
        // If it fails, the connection goes, and the transaction with it.
        _ = self.end("ROLLBACK").await;
    }

    async fn end(mut self, how: &str) -> Result<(), Fault> {
        // Without a statement there was no transaction.
        if !*self.has_ended.get_mut() && self.take_begin().is_none() {
            self.batch(how).await?;
        }
        self.session = None;
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(SessionIn { connection: Connection::Pooled { client, .. }, .. }) = self.session.take() {
            drop(Object::take(client));
        }
    }
}

/// A transaction that others get in the way of is tried this often before its caller is told. With the pauses that is
/// some seconds.
pub(crate) const TRIES: u32 = 100;

/// Lets others come to their end. Those who got in each other's way try again at different times.
pub(crate) async fn pause_before_try(tries: u32) {
    if tries > 2 {
        let longest = Duration::from_millis(1 << tries.min(6));
        pause(longest.mul_f64(f64::from(Uuid::fresh().0[0]) / 255.0)).await;
    }
}

/// Makes a transaction, again if the database asks for it, and with the lanes that it needs.
macro_rules! transact {
    ($store:expr, $begin:ident, $tx:ident => $body:expr) => {{
        let mut tries = 0;
        loop {
            let $tx = match $store.db.$begin().await {
                Ok(tx) => tx,
                Err(fault) => break Err(fault.into_store()),
            };
            let outcome: Result<_, $crate::error::Fault> = async { $body }.await;
            let fault = match outcome {
                Ok(value) => match $tx.commit().await {
                    Ok(()) => break Ok(value),
                    Err(fault) => fault,
                },
                Err(fault) => {
                    $tx.roll_back().await;
                    fault
                }
            };
            tries += 1;
            match fault {
                $crate::error::Fault::Again(_) | $crate::error::Fault::Moved | $crate::error::Fault::Unique(_)
                    if tries < $crate::session::TRIES =>
                {
                    $crate::session::pause_before_try(tries).await;
                }
                $crate::error::Fault::Lanes(keys) if tries < $crate::session::TRIES => {
                    if let Err(fault) = $store.lanes.make(&$store.db, keys).await {
                        break Err(fault.into_store());
                    }
                }
                fault => break Err(fault.into_store()),
            }
        }
    }};
}
pub(crate) use transact;
