//! What only the database can say: old rows that cannot be removed and make it slow, and what no server has taken in.

use std::{fmt, time::Duration};

use longhaul_core::StoreError;

use crate::{error::Fault, identifier::quoted, ops::admission::first_due, session::Session, store::PostgresStore};

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
    /// A look for the first due runs reads more pages of 8 KiB than this, beside 16 for each backlog and 16 more; 1,000 by default.
    pub claim_pages: u64,
    /// What SQL enqueued is due for longer than this, and no server has taken it in; 1 minute by default.
    pub not_taken_in: Duration,
}

impl Default for WarningLimits {
    fn default() -> Self {
        Self {
            transaction: Duration::from_secs(600),
            dead_rows: 100_000,
            claim_pages: 1000,
            not_taken_in: Duration::from_secs(60),
        }
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
    /// Index entries of runs that were claimed long ago are in the way of each claim.
    LongClaims {
        /// The table of runs.
        table: String,
        /// How many pages of 8 KiB a look for the first due runs reads.
        pages: u64,
        /// How many such first runs there are: one of each kind, queue, priority and limit key that has runs.
        backlogs: u64,
    },
    /// SQL enqueued something, and no server has made runs of it.
    NotTakenIn {
        /// How many are due for long.
        waiting: u64,
        /// How many a server has looked at, and refused.
        refused: u64,
    },
}

impl DatabaseWarning {
    /// A word for programs that branch on it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LongTransaction { .. } => "long_transaction",
            Self::DeadRows { .. } => "dead_rows",
            Self::LongClaims { .. } => "long_claims",
            Self::NotTakenIn { .. } => "not_taken_in",
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
            Self::LongClaims { table, pages, backlogs } => write!(
                f,
                "Each claim reads {pages} pages of 8 KiB to find the first due runs ({backlogs} of them): entries of runs \
                 that were claimed long ago are in its way, and their number grows with each claim. A transaction that is \
                 open for long keeps them, also one that is prepared, or a replication slot that nobody reads. End it, and \
                 run `VACUUM {table}`."
            ),
            Self::NotTakenIn { waiting, refused } => write!(
                f,
                "Of what SQL enqueued, {waiting} are due and were not taken in by a server, and {refused} were refused: start \
                 a server that has the code of their kinds. The view `not_taken_in` lists them, with why."
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

const NOT_TAKEN_IN: &str = "\
    SELECT count(*) FILTER (WHERE refused IS NULL), count(*) FILTER (WHERE refused IS NOT NULL) FROM @enqueued \
    WHERE refused IS NOT NULL OR due < clock_timestamp() - $1::int8 * interval '1 microsecond'";

/// Pages that a claim needs to come to the first run of a backlog and to the next backlog, at most.
const PAGES_EACH: u64 = 16;

const BACKLOGS: &str = concat!(first_due!("(SELECT id AS lane FROM @lane) l"), " SELECT count(*) FROM pair");

/// The same, and says what it has read.
const EXPLAIN_BACKLOGS: &str = concat!(
    "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) ",
    first_due!("(SELECT id AS lane FROM @lane) l"),
    " SELECT count(*) FROM pair"
);

impl PostgresStore {
    /// What makes this database slower and slower, if anything does. It costs five short queries, two of which look for the
    /// first due runs as a claim does.
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
        // First without a measure: what nobody can see any more is marked by whoever comes across it, and is in the way once.
        let backlogs = session.query_opt(BACKLOGS, &[]).await?;
        let backlogs = backlogs.map_or(Ok(0), |row| row.try_get::<i64>(0))?.unsigned_abs();
        let pages = pages_read(&session).await?;
        if pages > limits.claim_pages.saturating_add(PAGES_EACH * (backlogs + 1)) {
            let table = format!("{}.run", quoted(&self.inner.options.schema));
            warnings.push(DatabaseWarning::LongClaims { table, pages, backlogs });
        }
        let late = i64::try_from(limits.not_taken_in.as_micros()).unwrap_or(i64::MAX);
        if let Some(row) = session.query_opt(NOT_TAKEN_IN, &[&late]).await? {
            let (waiting, refused) = (row.try_get::<i64>(0)?.unsigned_abs(), row.try_get::<i64>(1)?.unsigned_abs());
            if waiting + refused > 0 {
                warnings.push(DatabaseWarning::NotTakenIn { waiting, refused });
            }
        }
        Ok(warnings)
    }
}

/// How many pages a look for the first due runs reads.
async fn pages_read(session: &Session) -> Result<u64, Fault> {
    for row in session.query(EXPLAIN_BACKLOGS, &[]).await? {
        // The first line of its kind is of the whole: `Buffers: shared hit=12 read=3`.
        if let Some((_, buffers)) = row.try_get::<&str>(0)?.split_once("Buffers: shared ") {
            let buffers = buffers.split(',').next().unwrap_or_default();
            let counts = buffers.split(' ').filter_map(|word| word.split_once('='));
            let read = counts.filter(|(what, _)| matches!(*what, "hit" | "read"));
            return Ok(read.filter_map(|(_, count)| count.parse::<u64>().ok()).sum());
        }
    }
    Ok(0)
}
