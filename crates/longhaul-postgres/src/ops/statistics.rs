//! How many runs there are, and how many moved: each transaction adds rows with what it changed, and sweeps add them up.
//! So no row is written by two servers at once.

use longhaul_core::{
    Kind, Queue, StoreError,
    counts::{MinuteCounts, Statistics},
    record::Damage,
};

use crate::{
    added_counts::add,
    error::Fault,
    handle::Inner,
    row::state_of,
    session::{Row, Session, transact},
};

/// A sweep adds rows up when there are more than this.
const ROWS_MAX: i64 = 256;

pub(crate) const COUNTS: &str =
    "SELECT kind, queue, state, sum(runs)::int8 FROM @state_count GROUP BY kind, queue, state";
pub(crate) const MINUTES: &str = "\
    SELECT minute, sum(enqueued)::int8, sum(started)::int8, sum(retried)::int8, sum(completed)::int8, \
    sum(failed)::int8, sum(cancelled)::int8 FROM @minute_count GROUP BY minute";

pub(super) fn add_counts(statistics: &mut Statistics, row: &Row) -> Result<(), Fault> {
    let damaged = |reason: String| Fault::from(Damage::of("a count of runs", reason));
    let kind = Kind::new(row.try_get(0)?).map_err(|error| damaged(error.to_string()))?;
    let queue = Queue::new(row.try_get(1)?).map_err(|error| damaged(error.to_string()))?;
    let number: i16 = row.try_get(2)?;
    let state = state_of(number).ok_or_else(|| damaged(format!("its state is {number}")))?;
    statistics.counts.add(state, &kind, &queue, row.try_get(3)?);
    Ok(())
}

fn add_minute(statistics: &mut Statistics, row: &Row) -> Result<(), Fault> {
    let number = |at: usize| row.try_get::<i64>(at).map(|count| count as u64);
    statistics.throughput.add(&MinuteCounts {
        minute: row.try_get(0)?,
        enqueued: number(1)?,
        started: number(2)?,
        retried: number(3)?,
        completed: number(4)?,
        failed: number(5)?,
        cancelled: number(6)?,
    });
    Ok(())
}

async fn read(session: &Session) -> Result<Statistics, Fault> {
    let mut statistics = Statistics::default();
    for row in session.query(COUNTS, &[]).await? {
        add_counts(&mut statistics, &row)?;
    }
    for row in session.query(MINUTES, &[]).await? {
        add_minute(&mut statistics, &row)?;
    }
    Ok(statistics)
}

impl Inner {
    pub(crate) async fn statistics(&self) -> Result<Statistics, StoreError> {
        self.ensure_open()?;
        self.expire_deadlines().await?;
        let session = self.session().await?;
        read(&session).await.map_err(Fault::into_store)
    }

    /// Makes one row of those that say the same, and forgets minutes that are over for a day.
    pub(super) async fn add_up(&self) -> Result<(), StoreError> {
        transact!(self, begin, tx => {
            let many = "SELECT (SELECT count(*) FROM (SELECT 1 FROM @state_count LIMIT $1) c) \
                + (SELECT count(*) FROM (SELECT 1 FROM @minute_count LIMIT $1) m)";
            let rows = tx.query_opt(many, &[&ROWS_MAX]).await?;
            if rows.map_or(Ok(0), |row| row.try_get::<i64>(0))? < ROWS_MAX {
                return Ok(());
            }
            let mut sum = Statistics::default();
            for row in tx.query("DELETE FROM @state_count RETURNING kind, queue, state, runs", &[]).await? {
                add_counts(&mut sum, &row)?;
            }
            let minutes = "DELETE FROM @minute_count \
                RETURNING minute, enqueued, started, retried, completed, failed, cancelled";
            for row in tx.query(minutes, &[]).await? {
                add_minute(&mut sum, &row)?;
            }
            add(&tx, &sum).await
        })
    }
}
