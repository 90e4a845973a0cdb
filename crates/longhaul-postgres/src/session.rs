//! One connection, and a transaction on it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use deadpool_postgres::{Object, Pool};
use longhaul_core::StoreError;
use tokio_postgres::{
    Row, Transaction,
    types::{FromSqlOwned, ToSql, Type},
};

use crate::{error::Fault, schema::quoted, value::Value};

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
    /// Statements are prepared once for each connection.
    pub(crate) prepared: bool,
}

impl Db {
    pub(crate) async fn session(&self) -> Result<Session, Fault> {
        let connection = Connection::Pooled { client: self.pool.get().await?, prepared: self.prepared };
        Ok(Session { connection, statements: Arc::clone(&self.statements), in_transaction: false })
    }

    /// A transaction of the user's. What is prepared would stay on the user's connection: nothing is.
    pub(crate) fn session_of<'a>(&self, transaction: &'a Transaction<'a>) -> SessionIn<'a> {
        let connection = Connection::Users(transaction);
        SessionIn { connection, statements: Arc::clone(&self.statements), in_transaction: true }
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

/// A connection, and the statements of the store.
pub(crate) struct SessionIn<'a> {
    connection: Connection<'a>,
    statements: Arc<Statements>,
    in_transaction: bool,
}

/// A connection of the store's own.
pub(crate) type Session = SessionIn<'static>;

#[expect(clippy::large_enum_variant, reason = "nearly all are of the pool")]
enum Connection<'a> {
    Pooled { client: Object, prepared: bool },
    Users(&'a Transaction<'a>),
}

/// Plans are made once, for any values: one that was made for the values, from statistics that are behind, was seen to
/// walk the whole primary key. And they use indexes: a plan that was made while the table was empty would read all of it
/// until somebody analyzes it.
const PLANS: &str = "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off";

pub(crate) type Param<'a> = &'a dyn Value;

fn untyped<'a>(params: &[Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| *param as &(dyn ToSql + Sync)).collect()
}

fn typed<'a>(params: &[Param<'a>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (*param as &(dyn ToSql + Sync), param.value_type())).collect()
}

impl Connection<'_> {
    /// A statement that is not prepared is planned for any values all the same: the setting holds for it too.
    async fn query(&self, statement: &str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        Ok(match self {
            Self::Pooled { client, prepared: true } => {
                let prepared = client.prepare_cached(statement).await?;
                client.query(&prepared, &untyped(params)).await?
            }
            Self::Pooled { client, prepared: false } => client.query_typed(statement, &typed(params)).await?,
            Self::Users(transaction) => transaction.query_typed(statement, &typed(params)).await?,
        })
    }

    async fn execute(&self, statement: &str, params: &[Param<'_>]) -> Result<u64, Fault> {
        Ok(match self {
            Self::Pooled { client, prepared: true } => {
                let prepared = client.prepare_cached(statement).await?;
                client.execute(&prepared, &untyped(params)).await?
            }
            Self::Pooled { client, prepared: false } => client.execute_typed(statement, &typed(params)).await?,
            Self::Users(transaction) => transaction.execute_typed(statement, &typed(params)).await?,
        })
    }

    async fn batch(&self, statements: &str) -> Result<(), Fault> {
        match self {
            Self::Pooled { client, .. } => client.batch_execute(statements).await?,
            Self::Users(transaction) => transaction.batch_execute(statements).await?,
        }
        Ok(())
    }
}

impl SessionIn<'_> {
    pub(crate) async fn query(&self, statement: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        let statement = self.statements.text(statement);
        if self.in_transaction {
            return self.connection.query(&statement, params).await;
        }
        if let Connection::Pooled { client, prepared: true } = &self.connection {
            // Before the transaction, so that nothing of it waits for an answer.
            client.prepare_cached(&statement).await?;
        }
        // Sent together, and answered together. Settings of the session would not survive a pooler.
        let begin = format!("BEGIN READ ONLY; {PLANS}");
        let (opened, rows, ended) = tokio::join!(
            self.connection.batch(&begin),
            self.connection.query(&statement, params),
            self.connection.batch("COMMIT"),
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
        self.connection.execute(&self.statements.text(statement), params).await
    }

    /// Without parameters, and as it stands.
    pub(crate) async fn batch(&self, statements: &str) -> Result<(), Fault> {
        self.connection.batch(statements).await
    }

    /// In a transaction of the user's: plans are forced for the statements of the store; answers what was set before.
    pub(crate) async fn force_plans(&self) -> Result<[String; 2], Fault> {
        let set = "SELECT current_setting('plan_cache_mode'), current_setting('enable_seqscan'), \
                   set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)";
        let row = self.connection.query(set, &[]).await?.pop();
        let row = row.ok_or_else(|| StoreError::Unavailable { reason: "no row was answered".into() })?;
        Ok([row.try_get(0)?, row.try_get(1)?])
    }

    /// The user's statements are planned as before.
    pub(crate) async fn restore(&self, [plan_cache_mode, enable_seqscan]: &[String; 2]) -> Result<(), Fault> {
        let set = "SELECT set_config('plan_cache_mode', $1, true), set_config('enable_seqscan', $2, true)";
        self.connection.query(set, &[plan_cache_mode, enable_seqscan]).await.map(drop)
    }

    /// The one value that a statement answers, which is not prepared.
    pub(crate) async fn scalar<T: FromSqlOwned>(&self, statement: &str) -> Result<T, Fault> {
        let rows = match &self.connection {
            Connection::Pooled { client, .. } => client.query_typed(statement, &[]).await?,
            Connection::Users(transaction) => transaction.query_typed(statement, &[]).await?,
        };
        let row = rows.first().ok_or_else(|| StoreError::Unavailable { reason: "no row was answered".into() })?;
        Ok(row.try_get(0)?)
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
        if let Some(SessionIn { connection: Connection::Pooled { client, .. }, .. }) = self.session.take() {
            drop(Object::take(client));
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
