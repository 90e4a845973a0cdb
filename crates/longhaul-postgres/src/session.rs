//! One connection, and a transaction on it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use deadpool_postgres::{Object, Pool};
use tokio_postgres::{
    Row,
    types::{FromSqlOwned, ToSql},
};

use crate::{error::Fault, schema::quoted};

/// The statements of the store, with the name of its schema in them.
#[derive(Debug)]
pub(crate) struct Statements {
    prefix: String,
    texts: Mutex<HashMap<&'static str, Arc<str>>>,
}

impl Statements {
    pub(crate) fn of(schema: &str) -> Self {
        Self { prefix: format!("{}.", quoted(schema)), texts: Mutex::default() }
    }

    /// All that were used.
    pub(crate) fn all(&self) -> Vec<String> {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.values().map(ToString::to_string).collect()
    }

    /// `@` stands for the schema.
    fn text(&self, statement: &'static str) -> Arc<str> {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(texts.entry(statement).or_insert_with(|| statement.replace('@', &self.prefix).into()))
    }
}

/// Where connections come from.
#[derive(Clone, Debug)]
pub(crate) struct Db {
    pub(crate) pool: Pool,
    pub(crate) statements: Arc<Statements>,
}

impl Db {
    pub(crate) async fn session(&self) -> Result<Session, Fault> {
        Ok(Session { client: self.pool.get().await?, statements: Arc::clone(&self.statements), in_transaction: false })
    }

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
        let tx = Tx { session: Some(session) };
        let begin = format!(
            "BEGIN; {synchronous}{PLANS}; SET LOCAL lock_timeout = '2s'; \
             SET LOCAL idle_in_transaction_session_timeout = '5s'"
        );
        tx.batch(&begin).await?;
        Ok(tx)
    }
}

/// A connection of the pool.
pub(crate) struct Session {
    client: Object,
    statements: Arc<Statements>,
    in_transaction: bool,
}

/// Plans are made once, for any values: one that was made for the values, from statistics that are behind, was seen to
/// walk the whole primary key. And they use indexes: a plan that was made while the table was empty would read all of it
/// until somebody analyzes it.
const PLANS: &str = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off";

pub(crate) type Param<'a> = &'a (dyn ToSql + Sync);

impl Session {
    pub(crate) async fn query(&self, statement: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        let prepared = self.client.prepare_cached(&self.statements.text(statement)).await?;
        if self.in_transaction {
            return Ok(self.client.query(&prepared, params).await?);
        }
        // Sent together, and answered together. Settings of the session would not survive a pooler.
        let begin = format!("BEGIN READ ONLY; {PLANS}");
        let (opened, rows, ended) = tokio::join!(
            self.client.batch_execute(&begin),
            self.client.query(&prepared, params),
            self.client.batch_execute("COMMIT"),
        );
        opened?;
        let rows = rows?;
        ended?;
        Ok(rows)
    }

    pub(crate) async fn query_opt(&self, statement: &'static str, params: &[Param<'_>]) -> Result<Option<Row>, Fault> {
        Ok(self.query(statement, params).await?.into_iter().next())
    }

    pub(crate) async fn execute(&self, statement: &'static str, params: &[Param<'_>]) -> Result<u64, Fault> {
        let prepared = self.client.prepare_cached(&self.statements.text(statement)).await?;
        Ok(self.client.execute(&prepared, params).await?)
    }

    /// Without parameters, and as it stands.
    pub(crate) async fn batch(&self, statements: &str) -> Result<(), Fault> {
        Ok(self.client.batch_execute(statements).await?)
    }

    pub(crate) async fn scalar<T: FromSqlOwned>(&self, statement: &str) -> Result<T, Fault> {
        Ok(self.client.query_one(statement, &[]).await?.try_get(0)?)
    }
}

/// A transaction. One that is dropped before its end takes its connection with it: the database rolls it back.
pub(crate) struct Tx {
    session: Option<Session>,
}

impl std::ops::Deref for Tx {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.as_ref().expect("the transaction has not ended")
    }
}

impl Tx {
    pub(crate) async fn commit(mut self) -> Result<(), Fault> {
        self.batch("COMMIT").await?;
        self.session = None;
        Ok(())
    }

    pub(crate) async fn roll_back(mut self) {
        if self.batch("ROLLBACK").await.is_ok() {
            self.session = None;
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            drop(Object::take(session.client));
        }
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
                $crate::error::Fault::Again(_) | $crate::error::Fault::Unique(_) if tries < 20 => {}
                $crate::error::Fault::Lanes(keys) if tries < 20 => {
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
