//! Runs of [longhaul](https://github.com/longhaul-rs/longhaul) in a transaction of sqlx's: they are enqueued, checkpointed
//! and completed together with the program's own rows, or not at all.
//!
//! The store has connections of its own; a [`PgPool`](sqlx::PgPool) of the program stays what it is. Wherever longhaul takes
//! a transaction of the user's, hand over [`transaction`]`(&mut tx)`:
//!
//! ```no_run
//! use longhaul::{postgres::PostgresStore, store_api::NewRun};
//!
//! async fn order(store: &PostgresStore, pool: &sqlx::PgPool, mail: NewRun) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut tx = pool.begin().await?;
//!     sqlx::query("INSERT INTO customer (name) VALUES ($1)").bind("Ann").execute(&mut *tx).await?;
//!     store.enqueue_in(longhaul_sqlx::transaction(&mut tx), mail).await?;
//!     tx.commit().await?; // the run is there from now on
//!     Ok(())
//! }
//! ```
//!
//! In a task, [`Context::checkpoint_in`] and [`Context::complete_in`] do a step, and the last one, exactly once:
//!
//! ```no_run
//! use longhaul::{AnyError, Context, ExecutionResult, Success, postgres::PostgresStore};
//! use sqlx::PgPool;
//!
//! // Pays 10 to each account, once.
//! async fn pay(ctx: &Context<i32, i32>, store: &PostgresStore, pool: &PgPool) -> ExecutionResult<(), AnyError> {
//!     while ctx.read(|at| *at < *ctx.metadata()) {
//!         let mut tx = pool.begin().await?;
//!         let checkpoint = ctx.checkpoint_in(store, longhaul_sqlx::transaction(&mut tx), |at| *at += 1).await?;
//!         let account = ctx.read(|at| *at); // still as it was
//!         sqlx::query("UPDATE account SET amount = amount + 10 WHERE id = $1").bind(account).execute(&mut *tx).await?;
//!         tx.commit().await?;
//!         checkpoint.committed()?;
//!     }
//!     Success::with_result(()).for_error()
//! }
//! ```
//!
//! Programs that use neither driver, or another language, enqueue with the SQL function `enqueue` of the store's schema.
//!
//! [`Context::checkpoint_in`]: https://docs.rs/longhaul/latest/longhaul/struct.Context.html#method.checkpoint_in
//! [`Context::complete_in`]: https://docs.rs/longhaul/latest/longhaul/struct.Context.html#method.complete_in

#![forbid(unsafe_code)]

mod value;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use longhaul_postgres::driver::{Answer, DriverTransaction, Parameter, Refused, UserTransaction};
use sqlx::{AssertSqlSafe, Either, Executor as _, PgConnection, Postgres, Transaction};

use crate::value::{Bound, read};

/// A transaction of sqlx's, for whatever of longhaul writes in a transaction of the user's.
///
/// It sends statements over the transaction's connection, and keeps none of them prepared there. Whoever drops a call that
/// has it rolls the transaction back, as the calls say.
///
/// ```no_run
/// # async fn example(store: longhaul::postgres::PostgresStore, pool: sqlx::PgPool, mail: longhaul::store_api::NewRun)
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// let mut tx = pool.begin().await?;
/// store.enqueue_in(longhaul_sqlx::transaction(&mut tx), mail).await?;
/// tx.commit().await?;
/// # Ok(()) }
/// ```
pub fn transaction<'a>(transaction: &'a mut Transaction<'_, Postgres>) -> UserTransaction<'a> {
    UserTransaction::of_driver(OfSqlx(transaction))
}

struct OfSqlx<'a>(&'a mut PgConnection);

#[async_trait]
impl DriverTransaction for OfSqlx<'_> {
    async fn send(&mut self, statement: &str, parameters: &[Parameter]) -> Result<Answer, Refused> {
        // The store's own text, in which no value stands.
        let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(false);
        for parameter in parameters {
            query = query.bind(Bound(parameter.clone()));
        }
        let mut answer = Answer::default();
        let mut parts = self.0.fetch_many(query);
        while let Some(part) = parts.try_next().await.map_err(refused)? {
            match part {
                Either::Left(done) => answer.affected += done.rows_affected(),
                Either::Right(row) => answer.rows.push(read(&row).map_err(refused)?),
            }
        }
        Ok(answer)
    }
}

fn refused(error: sqlx::Error) -> Refused {
    match error {
        sqlx::Error::Database(said) => Refused { code: said.code().map(Into::into), reason: said.message().into() },
        other => Refused { code: None, reason: other.to_string().into() },
    }
}
