//! What makes a database slow that only the database can say: old rows that cannot be removed, and who keeps them.

use std::{fmt, time::Duration};

use longhaul_core::StoreError;

use crate::{error::Fault, store::PostgresStore};

/// From when on the database is warned of. The defaults suit most.
///
/// ```
/// use longhaul_postgres::WarningLimits;
/// use std::time::Duration;
///
/// let mut limits = WarningLimits::default();
/// limits.transaction = Duration::from_secs(60);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarningLimits {
    /// A transaction that is open for longer than this; 10 minutes by default.
    pub transaction: Duration,
    /// A table that has more dead rows than this, and more than live ones; 100,000 by default.
    pub dead_rows: u64,
}

impl Default for WarningLimits {
    fn default() -> Self {
        Self { transaction: Duration::from_secs(600), dead_rows: 100_000 }
    }
}

/// Something in the database that makes the store slower and slower.
///
/// ```
/// # fn example(warning: &longhaul_postgres::DatabaseWarning) {
/// eprintln!("{}: {warning}", warning.code());
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseWarning {
    /// A transaction is open for a long time. Until it ends, no old version of a row is removed, in any table, and each claim
    /// walks over more of them.
    LongTransaction {
        /// The process of the server that has it.
        pid: i32,
        /// Its user and its application.
        whose: String,
        /// For how long it is open.
        open: Duration,
    },
    /// A table has many old versions of rows.
    DeadRows {
        /// Which.
        table: String,
        /// How many, as the server estimates.
        dead: u64,
        /// How many rows there are.
        live: u64,
    },
}

impl DatabaseWarning {
    /// A word for programs that branch on it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LongTransaction { .. } => "long_transaction",
            Self::DeadRows { .. } => "dead_rows",
        }
    }
}

impl fmt::Display for DatabaseWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongTransaction { pid, whose, open } => write!(
                f,
                "A transaction of {whose} is open for {} s: until it ends, old rows cannot be removed, and claims become \
                 slower. End it, or let an administrator run `SELECT pg_terminate_backend({pid})`. \
                 `idle_in_transaction_session_timeout` keeps it from happening again.",
                open.as_secs()
            ),
            Self::DeadRows { table, dead, live } => write!(
                f,
                "The table {table} has {dead} dead rows beside {live} live ones: autovacuum does not keep up, or a \
                 transaction that is open for long keeps it from removing them. Look for such a transaction, and run \
                 `VACUUM {table}`."
            ),
        }
    }
}

/// Transactions that keep old rows. Others' are seen only by members of `pg_read_all_stats`.
const LONG: &str = "\
    SELECT pid, concat_ws(', ', usename, nullif(application_name, '')), \
        (extract(epoch FROM clock_timestamp() - xact_start) * 1e6)::int8 \
    FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND datname = current_database() AND backend_type = 'client backend' \
        AND xact_start < clock_timestamp() - $1::int8 * interval '1 microsecond' ORDER BY xact_start LIMIT 5";

const DEAD: &str = "\
    SELECT format('%I.%I', schemaname, relname), n_dead_tup, n_live_tup FROM pg_stat_user_tables \
    WHERE schemaname = $1 AND n_dead_tup > $2::int8 AND n_dead_tup > n_live_tup ORDER BY n_dead_tup DESC LIMIT 5";

impl PostgresStore {
    /// What makes this database slower and slower, if anything does. It costs two short queries.
    ///
    /// Transactions of other users are seen only if the user of the store is a member of `pg_read_all_stats`.
    ///
    /// # Errors
    /// [`StoreError`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn database_warnings(&self, limits: &WarningLimits) -> Result<Vec<DatabaseWarning>, StoreError> {
        self.inner.ensure_open()?;
        self.look_for_warnings(limits).await.map_err(Fault::into_store)
    }

    async fn look_for_warnings(&self, limits: &WarningLimits) -> Result<Vec<DatabaseWarning>, Fault> {
        let session = self.inner.db.session().await?;
        let mut warnings = Vec::new();
        let open = i64::try_from(limits.transaction.as_micros()).unwrap_or(i64::MAX);
        for row in session.query(LONG, &[&open]).await? {
            let open = Duration::from_micros(row.try_get::<i64>(2)?.unsigned_abs());
            warnings.push(DatabaseWarning::LongTransaction { pid: row.try_get(0)?, whose: row.try_get(1)?, open });
        }
        let dead = i64::try_from(limits.dead_rows).unwrap_or(i64::MAX);
        for row in session.query(DEAD, &[&self.inner.options.schema.as_str(), &dead]).await? {
            let (dead, live) = (row.try_get::<i64>(1)?.unsigned_abs(), row.try_get::<i64>(2)?.unsigned_abs());
            warnings.push(DatabaseWarning::DeadRows { table: row.try_get(0)?, dead, live });
        }
        Ok(warnings)
    }
}
