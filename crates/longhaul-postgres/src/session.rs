//! One connection, and what is sent over it.

mod answer;
mod connection;
mod statements;
mod transaction;

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};

use deadpool_postgres::Pool;
use longhaul_core::StoreError;
use tokio::sync::Mutex as AsyncMutex;
use tokio_postgres::{
    binary_copy::BinaryCopyInWriter,
    types::{FromSqlOwned, Type},
};

pub(crate) use self::{
    answer::{ColumnError, Row},
    statements::{Param, Statements, Step},
    transaction::{TRIES, Tx, pause_before_try, transact},
};
use self::{
    connection::{Connection, Ready, SendError},
    statements::untyped,
};
use crate::{
    driver::{Of, UserTransaction},
    error::Fault,
};

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
    pub(crate) fn session_of<'a>(&self, transaction: UserTransaction<'a>) -> SessionIn<'a> {
        let connection = match transaction.0 {
            Of::TokioPostgres(transaction) => Connection::Users(transaction),
            Of::Driver(transaction) => Connection::Driver(AsyncMutex::new(transaction)),
        };
        let statements = Arc::clone(&self.statements);
        SessionIn { connection, statements, in_transaction: true, begin: Mutex::new(None) }
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

/// Plans are made once, for any values: one that was made for the values, from statistics that are behind, was seen to
/// walk the whole primary key. And they use indexes: a plan that was made while the table was empty would read all of it
/// until somebody analyzes it. Nothing is compiled: a plan for any values looks expensive, and compiling it would cost more
/// than executing it a hundred times.
const PLANS: &str =
    "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, SendError>> + Send + 'a>>;

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
        let mut tries = 0;
        loop {
            // Settings of the session would not survive a pooler.
            match self.send(Some(&format!("BEGIN READ ONLY; {PLANS}")), steps, true).await {
                // Above READ COMMITTED, reading can be refused too.
                Err(SendFault { fault: Fault::Again(_), .. }) if tries < TRIES => tries += 1,
                sent => return Ok(sent?.0),
            }
            pause_before_try(tries).await;
        }
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
        let has_ended = commit && last.as_ref().map_or_else(SendError::is_answer, |_| true);
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
        let rows = self.connection.query(&Ready::Text(statement.into()), &[]).await?;
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
async fn in_order(mut sent: Vec<Sent<'_>>) -> Vec<Result<Vec<Row>, SendError>> {
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
