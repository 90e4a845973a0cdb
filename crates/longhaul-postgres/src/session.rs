//! One connection, and a transaction on it.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use deadpool_postgres::{Object, Pool};
use longhaul_core::StoreError;
use tokio_postgres::{
    Row, Statement, Transaction,
    binary_copy::BinaryCopyInWriter,
    types::{FromSqlOwned, ToSql, Type},
};

use crate::{clock::pause, error::Fault, id::Uuid, identifier::quoted, value::Value};

/// The statements of the store, with the name of its schema in them.
#[derive(Debug)]
pub(crate) struct Statements {
    prefix: String,
    texts: Mutex<HashMap<&'static str, Arc<str>>>,
    round_trips: AtomicU64,
}

impl Statements {
    pub(crate) fn of(schema: &str) -> Self {
        Self { prefix: format!("{}.", quoted(schema)), texts: Mutex::default(), round_trips: AtomicU64::new(0) }
    }

    /// How often something was sent, and its answer waited for.
    pub(crate) fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Acquire)
    }

    fn count(&self) {
        self.round_trips.fetch_add(1, Ordering::Release);
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
        let statements = Arc::clone(&self.statements);
        Ok(Session { connection, statements, in_transaction: false, begin: Mutex::new(None) })
    }

    /// A transaction of the user's. What is prepared would stay on the user's connection: nothing is.
    pub(crate) fn session_of<'a>(&self, transaction: &'a Transaction<'a>) -> SessionIn<'a> {
        let connection = Connection::Users(transaction);
        let statements = Arc::clone(&self.statements);
        SessionIn { connection, statements, in_transaction: true, begin: Mutex::new(None) }
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
        session.begin = Mutex::new(Some(format!(
            "BEGIN; {synchronous}{PLANS}; SET LOCAL lock_timeout = '2s'; \
             SET LOCAL idle_in_transaction_session_timeout = '5s'"
        )));
        Ok(Tx { session: Some(session), has_ended: AtomicBool::new(false) })
    }
}

/// A connection, and the statements of the store.
pub(crate) struct SessionIn<'a> {
    connection: Connection<'a>,
    statements: Arc<Statements>,
    in_transaction: bool,
    /// What begins the transaction. It is sent together with the first statement.
    begin: Mutex<Option<String>>,
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
/// until somebody analyzes it. Nothing is compiled: a plan for any values looks expensive, and compiling it would cost more
/// than executing it a hundred times.
const PLANS: &str =
    "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

pub(crate) type Param<'a> = &'a dyn Value;

fn untyped<'a>(params: &[Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|param| *param as &(dyn ToSql + Sync)).collect()
}

fn typed<'a>(params: &[Param<'a>]) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (*param as &(dyn ToSql + Sync), param.value_type())).collect()
}

/// A statement and its parameters.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a>(pub(crate) &'static str, pub(crate) &'a [Param<'a>]);

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>>;

/// A statement, as a connection takes it.
enum Ready {
    Prepared(Statement),
    Text(Arc<str>),
}

impl Connection<'_> {
    async fn ready(&self, statement: Arc<str>) -> Result<Ready, tokio_postgres::Error> {
        Ok(match self {
            Self::Pooled { client, prepared: true } => Ready::Prepared(client.prepare_cached(&statement).await?),
            _ => Ready::Text(statement),
        })
    }

    /// A statement that is not prepared is planned for any values all the same: the setting holds for it too.
    async fn query(&self, statement: &Ready, params: &[Param<'_>]) -> Result<Vec<Row>, tokio_postgres::Error> {
        match (self, statement) {
            (Self::Pooled { client, .. }, Ready::Prepared(statement)) => {
                client.query(statement, &untyped(params)).await
            }
            (Self::Pooled { client, .. }, Ready::Text(text)) => client.query_typed(text, &typed(params)).await,
            (Self::Users(transaction), Ready::Prepared(statement)) => {
                transaction.query(statement, &untyped(params)).await
            }
            (Self::Users(transaction), Ready::Text(text)) => transaction.query_typed(text, &typed(params)).await,
        }
    }

    async fn execute(&self, statement: &Ready, params: &[Param<'_>]) -> Result<u64, tokio_postgres::Error> {
        match (self, statement) {
            (Self::Pooled { client, .. }, Ready::Prepared(statement)) => {
                client.execute(statement, &untyped(params)).await
            }
            (Self::Pooled { client, .. }, Ready::Text(text)) => client.execute_typed(text, &typed(params)).await,
            (Self::Users(transaction), Ready::Prepared(statement)) => {
                transaction.execute(statement, &untyped(params)).await
            }
            (Self::Users(transaction), Ready::Text(text)) => transaction.execute_typed(text, &typed(params)).await,
        }
    }

    async fn batch(&self, statements: &str) -> Result<(), tokio_postgres::Error> {
        match self {
            Self::Pooled { client, .. } => client.batch_execute(statements).await,
            Self::Users(transaction) => transaction.batch_execute(statements).await,
        }
    }
}

impl SessionIn<'_> {
    pub(crate) async fn query(&self, statement: &'static str, params: &[Param<'_>]) -> Result<Vec<Row>, Fault> {
        Ok(self.query_all(&[Step(statement, params)]).await?.pop().expect("one answer to one statement"))
    }

    pub(crate) async fn query_opt(&self, statement: &'static str, params: &[Param<'_>]) -> Result<Option<Row>, Fault> {
        Ok(self.query(statement, params).await?.into_iter().next())
    }

    /// Sends all statements before it waits for the first answer. Each sees what those before it did.
    pub(crate) async fn query_all(&self, steps: &[Step<'_>]) -> Result<Vec<Vec<Row>>, Fault> {
        if self.in_transaction {
            let begin = self.take_begin();
            return Ok(self.send(begin.as_deref(), steps, false).await?.0);
        }
        // Settings of the session would not survive a pooler.
        Ok(self.send(Some(&format!("BEGIN READ ONLY; {PLANS}")), steps, true).await?.0)
    }

    pub(crate) async fn execute(&self, statement: &'static str, params: &[Param<'_>]) -> Result<u64, Fault> {
        let ready = self.connection.ready(self.statements.text(statement)).await?;
        self.statements.count();
        let Some(begin) = self.take_begin() else { return Ok(self.connection.execute(&ready, params).await?) };
        let (opened, executed) = tokio::join!(self.connection.batch(&begin), self.connection.execute(&ready, params));
        opened?;
        Ok(executed?)
    }

    /// Whether [`copy`](Self::copy) works here: the statement is prepared.
    pub(crate) fn can_copy(&self) -> bool {
        matches!(self.connection, Connection::Pooled { prepared: true, .. })
    }

    /// Sends rows as one stream, without the cost of parameters. Answers how many there were.
    pub(crate) async fn copy(
        &self,
        statement: &'static str,
        types: &[Type],
        rows: impl Iterator<Item = Vec<Param<'_>>>,
    ) -> Result<u64, Fault> {
        let Connection::Pooled { client, .. } = &self.connection else { unreachable!("`can_copy` is asked first") };
        let prepared = client.prepare_cached(&self.statements.text(statement)).await?;
        self.statements.count();
        let sink = match self.take_begin() {
            None => client.copy_in(&prepared).await?,
            Some(begin) => {
                let (opened, sink) = tokio::join!(client.batch_execute(&begin), client.copy_in(&prepared));
                opened?;
                sink?
            }
        };
        let mut writer = pin!(BinaryCopyInWriter::new(sink, types));
        for row in rows {
            writer.as_mut().write(&untyped(&row)).await?;
        }
        Ok(writer.finish().await?)
    }

    fn take_begin(&self) -> Option<String> {
        self.begin.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// One round trip for all of it. The second answer: whether the transaction is over, as asked for; it is rolled back
    /// if a statement failed.
    async fn send(
        &self,
        begin: Option<&str>,
        steps: &[Step<'_>],
        commit: bool,
    ) -> Result<(Vec<Vec<Row>>, bool), SendFault> {
        let mut ready = Vec::with_capacity(steps.len());
        for Step(statement, _) in steps {
            // Before the transaction, so that nothing of it waits for an answer.
            let statement = self.connection.ready(self.statements.text(statement)).await;
            ready.push(statement.map_err(|error| SendFault { fault: error.into(), has_ended: false })?);
        }
        self.statements.count();
        let mut sent: Vec<Sent<'_>> = Vec::with_capacity(steps.len() + 2);
        sent.extend(begin.map(|begin| self.sent(begin)));
        for (Step(_, params), ready) in steps.iter().zip(&ready) {
            sent.push(Box::pin(self.connection.query(ready, params)));
        }
        if commit {
            sent.push(self.sent("COMMIT"));
        }
        let mut answers = in_order(sent).await;
        let last = answers.last().expect("something was sent");
        // What failed with an answer of the database failed as a whole: the transaction is over after COMMIT.
        let has_ended = commit && last.as_ref().map_or_else(|error| error.as_db_error().is_some(), |_| true);
        if commit && answers.last().is_some_and(Result::is_ok) {
            answers.pop();
        }
        if begin.is_some() && answers.first().is_some_and(Result::is_ok) {
            drop(answers.remove(0));
        }
        let rows: Result<Vec<_>, _> = answers.into_iter().collect();
        rows.map(|rows| (rows, has_ended)).map_err(|error| SendFault { fault: error.into(), has_ended })
    }

    fn sent<'a>(&'a self, text: &'a str) -> Sent<'a> {
        Box::pin(async { self.connection.batch(text).await.map(|()| Vec::new()) })
    }

    /// Without parameters, and as it stands.
    pub(crate) async fn batch(&self, statements: &str) -> Result<(), Fault> {
        self.statements.count();
        Ok(self.connection.batch(statements).await?)
    }

    /// In a transaction of the user's: plans are forced for the statements of the store; answers what was set before.
    pub(crate) async fn force_plans(&self) -> Result<[String; 3], Fault> {
        let set = "SELECT current_setting('plan_cache_mode'), current_setting('enable_seqscan'), current_setting('jit'), \
                   set_config('plan_cache_mode', 'force_generic_plan', true), \
                   set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)";
        let row = self.connection.query(&Ready::Text(set.into()), &[]).await?.pop();
        let row = row.ok_or_else(|| StoreError::Unavailable { reason: "no row was answered".into() })?;
        Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?])
    }

    /// The user's statements are planned as before.
    pub(crate) async fn restore(&self, [plan_cache_mode, enable_seqscan, jit]: &[String; 3]) -> Result<(), Fault> {
        let set = "SELECT set_config('plan_cache_mode', $1, true), set_config('enable_seqscan', $2, true), \
                   set_config('jit', $3, true)";
        self.connection.query(&Ready::Text(set.into()), &[plan_cache_mode, enable_seqscan, jit]).await?;
        Ok(())
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

/// Why statements failed, and whether their transaction is over.
struct SendFault {
    fault: Fault,
    has_ended: bool,
}

impl From<SendFault> for Fault {
    fn from(failed: SendFault) -> Self {
        failed.fault
    }
}

/// Waits for all. They are polled in their order, so what they send arrives in that order.
async fn in_order(mut sent: Vec<Sent<'_>>) -> Vec<Result<Vec<Row>, tokio_postgres::Error>> {
    let mut answers: Vec<_> = sent.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut is_pending = false;
        for (sent, answer) in sent.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match sent.as_mut().poll(cx) {
                    Poll::Ready(ready) => *answer = Some(ready),
                    Poll::Pending => is_pending = true,
                }
            }
        }
        if is_pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    answers.into_iter().map(|answer| answer.expect("all are ready")).collect()
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
    pub(crate) async fn finish(&self, steps: &[Step<'_>]) -> Result<(), Fault> {
        let begin = self.take_begin();
        let finished = self.send(begin.as_deref(), steps, true).await;
        let has_ended = finished.as_ref().map_or_else(|failed| failed.has_ended, |(_, has_ended)| *has_ended);
        self.has_ended.store(has_ended, Ordering::Release);
        finished?;
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
