//! What statements are sent over: a connection of the pool, or a transaction of the user's.

use std::sync::Arc;

use deadpool_postgres::Object;
use tokio::sync::Mutex;
use tokio_postgres::{Statement, Transaction};

use super::{
    answer::{Row, encoded},
    statements::{Param, typed, untyped},
};
use crate::{
    driver::{DriverTransaction, Refused},
    error::Fault,
};

pub(crate) enum Connection<'a> {
    Pooled {
        client: Object,
        prepared: bool,
    },
    Users(&'a Transaction<'a>),
    /// Sends one statement after the other.
    Driver(Mutex<Box<dyn DriverTransaction + 'a>>),
}

/// A statement, as a connection takes it.
pub(super) enum Ready {
    Prepared(Statement),
    Text(Arc<str>),
}

/// A driver says that a statement failed.
#[derive(Debug)]
pub(super) enum SendError {
    TokioPostgres(tokio_postgres::Error),
    Driver(Refused),
}

impl SendError {
    /// Whether it is the answer of the database.
    pub(super) fn is_answer(&self) -> bool {
        match self {
            Self::TokioPostgres(error) => error.as_db_error().is_some(),
            Self::Driver(refused) => refused.code.is_some(),
        }
    }
}

impl From<tokio_postgres::Error> for SendError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::TokioPostgres(error)
    }
}

impl From<Refused> for SendError {
    fn from(refused: Refused) -> Self {
        Self::Driver(refused)
    }
}

impl From<SendError> for Fault {
    fn from(error: SendError) -> Self {
        match error {
            SendError::TokioPostgres(error) => error.into(),
            SendError::Driver(refused) => refused.into(),
        }
    }
}

impl Connection<'_> {
    pub(super) async fn ready(&self, statement: Arc<str>) -> Result<Ready, SendError> {
        Ok(match self {
            Self::Pooled { client, prepared: true } => Ready::Prepared(client.prepare_cached(&statement).await?),
            _ => Ready::Text(statement),
        })
    }

    /// A statement that is not prepared is planned for any values all the same: the setting holds for it too.
    pub(super) async fn query(&self, statement: &Ready, params: &[Param<'_>]) -> Result<Vec<Row>, SendError> {
        let rows = match (self, statement) {
            (Self::Pooled { client, .. }, Ready::Prepared(statement)) => {
                client.query(statement, &untyped(params)).await?
            }
            (Self::Pooled { client, .. }, Ready::Text(text)) => client.query_typed(text, &typed(params)).await?,
            (Self::Users(transaction), Ready::Text(text)) => transaction.query_typed(text, &typed(params)).await?,
            (Self::Driver(transaction), Ready::Text(text)) => {
                let answer = transaction.lock().await.send(text, &encoded(params)?).await?;
                return Ok(answer.rows.into_iter().map(Row::Driver).collect());
            }
            (Self::Users(_) | Self::Driver(_), Ready::Prepared(_)) => unreachable!("nothing is prepared for a user"),
        };
        Ok(rows.into_iter().map(Row::TokioPostgres).collect())
    }

    pub(super) async fn execute(&self, statement: &Ready, params: &[Param<'_>]) -> Result<u64, SendError> {
        Ok(match (self, statement) {
            (Self::Pooled { client, .. }, Ready::Prepared(statement)) => {
                client.execute(statement, &untyped(params)).await?
            }
            (Self::Pooled { client, .. }, Ready::Text(text)) => client.execute_typed(text, &typed(params)).await?,
            (Self::Users(transaction), Ready::Text(text)) => transaction.execute_typed(text, &typed(params)).await?,
            (Self::Driver(transaction), Ready::Text(text)) => {
                transaction.lock().await.send(text, &encoded(params)?).await?.affected
            }
            (Self::Users(_) | Self::Driver(_), Ready::Prepared(_)) => unreachable!("nothing is prepared for a user"),
        })
    }

    pub(super) async fn batch(&self, statements: &str) -> Result<(), SendError> {
        match self {
            Self::Pooled { client, .. } => client.batch_execute(statements).await?,
            Self::Users(transaction) => transaction.batch_execute(statements).await?,
            Self::Driver(_) => unreachable!("the user begins and ends the transaction"),
        }
        Ok(())
    }
}
