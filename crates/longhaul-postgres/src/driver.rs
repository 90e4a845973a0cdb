//! Transactions of the user's, also of drivers other than `tokio-postgres`.

use std::fmt;

use async_trait::async_trait;
use tokio_postgres::Transaction;

/// A transaction of the user's, which [`enqueue_in`](crate::PostgresStore::enqueue_in) and its siblings write in.
///
/// A `&tokio_postgres::Transaction` is one; of a pool's transaction that dereferences to it, hand over `&*tx`. For sqlx
/// there is the crate `longhaul-sqlx`. Whoever uses another driver implements [`DriverTransaction`].
pub struct UserTransaction<'a>(pub(crate) Of<'a>);

pub(crate) enum Of<'a> {
    TokioPostgres(&'a Transaction<'a>),
    Driver(Box<dyn DriverTransaction + 'a>),
}

impl<'a> UserTransaction<'a> {
    /// A transaction of another driver.
    pub fn of_driver(transaction: impl DriverTransaction + 'a) -> Self {
        Self(Of::Driver(Box::new(transaction)))
    }
}

impl<'a> From<&'a Transaction<'_>> for UserTransaction<'a> {
    fn from(transaction: &'a Transaction<'_>) -> Self {
        Self(Of::TokioPostgres(transaction))
    }
}

impl fmt::Debug for UserTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let driver = match self.0 {
            Of::TokioPostgres(_) => "tokio_postgres",
            Of::Driver(_) => "another",
        };
        f.debug_struct("UserTransaction").field("driver", &driver).finish()
    }
}

/// What the store needs of a driver whose transaction it is to write in.
///
/// ```
/// use async_trait::async_trait;
/// use longhaul_postgres::driver::{Answer, DriverTransaction, Parameter, Refused, UserTransaction};
///
/// struct Mine; // what holds the transaction of your driver
///
/// #[async_trait]
/// impl DriverTransaction for Mine {
///     async fn send(&mut self, statement: &str, parameters: &[Parameter]) -> Result<Answer, Refused> {
///         # _ = (statement, parameters);
///         // Parse, bind and execute it as an unnamed statement; values are in binary format both ways.
///         Ok(Answer { rows: Vec::new(), affected: 0 })
///     }
/// }
///
/// let transaction = UserTransaction::of_driver(Mine);
/// # _ = transaction;
/// ```
#[async_trait]
pub trait DriverTransaction: Send {
    /// Sends one statement, and waits for its answer. The statement is not kept prepared on the connection: it is the user's.
    ///
    /// # Errors
    /// [`Refused`]: the transaction can only be rolled back.
    async fn send(&mut self, statement: &str, parameters: &[Parameter]) -> Result<Answer, Refused>;
}

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a parameter of PostgreSQL's protocol has nothing else")]
pub struct Parameter {
    /// The OID of its type, one of those that every PostgreSQL has.
    pub type_oid: u32,
    /// In binary format; `None`: NULL.
    pub value: Option<Vec<u8>>,
}

/// A value in a row that the database answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "drivers make it, and a value of PostgreSQL's protocol has nothing else")]
pub struct Column {
    /// The OID of its type.
    pub type_oid: u32,
    /// In binary format; `None`: NULL.
    pub value: Option<Vec<u8>>,
}

/// What the database answered to a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "drivers make it, and an answer of PostgreSQL's protocol has nothing else"
)]
pub struct Answer {
    /// The rows, each with its values in their order.
    pub rows: Vec<Vec<Column>>,
    /// How many rows it inserted, changed, deleted or answered, as the database says.
    pub affected: u64,
}

/// A statement failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
#[expect(clippy::exhaustive_structs, reason = "drivers make it")]
pub struct Refused {
    /// The SQLSTATE, where the database has said one.
    pub code: Option<Box<str>>,
    /// What was said.
    pub reason: Box<str>,
}
