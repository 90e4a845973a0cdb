//! How many runs there are, and how many moved: each transaction adds rows with what it changed, and sweeps add them up.
//! So no row is written by two servers at once.

use longhaul_core::{
    Kind, Queue, StateKind, StoreError,
    counts::{MinuteCounts, Statistics},
    record::Damage,
};

use crate::{
    added_counts::add,
    due_counts::{DueCounts, TAKE_PASSED},
    error::Fault,
    handle::Inner,
    row::state_of,
    session::{Row, Session, Step, transact},
};

/// A sweep adds rows up when there are more than this.
const ROWS_MAX: i64 = 256;
/// So does whoever reads more than this: no server may be there that sweeps.
const READ_MAX: i64 = 8192;

pub(crate) const COUNTS: &str =
    "SELECT kind, queue, state, sum(runs)::int8, count(*) FROM @state_count GROUP BY kind, queue, state";
pub(crate) const MINUTES: &str = "\
    SELECT minute, sum(enqueued)::int8, sum(started)::int8, sum(retried)::int8, sum(completed)::int8, \
    sum(failed)::int8, sum(cancelled)::int8, count(*) FROM @minute_count GROUP BY minute";
/// How many rows there are, as far as it matters.
const MANY: &str = "\
    SELECT (SELECT count(*) FROM (SELECT 1 FROM @state_count LIMIT $1) c) \
        + (SELECT count(*) FROM (SELECT 1 FROM @minute_count LIMIT $1) m) \
        + (SELECT count(*) FROM (SELECT 1 FROM @due_count WHERE at <= $2 LIMIT $1) d)";

pub(super) fn read_queue(row: &Row, column: usize) -> Result<Queue, Fault> {
    Ok(Queue::new(row.try_get(column)?).map_err(|error| Damage::of("a count of runs", error.to_string()))?)
}

/// Adds a row of counts, and answers what it is about and how many.
pub(super) fn add_counts(statistics: &mut Statistics, row: &Row) -> Result<(StateKind, Queue, i64), Fault> {
    let damaged = |reason: String| Fault::from(Damage::of("a count of runs", reason));
    let kind = Kind::new(row.try_get(0)?).map_err(|error| damaged(error.to_string()))?;
    let queue = read_queue(row, 1)?;
    let number: i16 = row.try_get(2)?;
    let state = state_of(number).ok_or_else(|| damaged(format!("its state is {number}")))?;
    let runs = row.try_get(3)?;
    statistics.counts.add(state, &kind, &queue, runs);
    Ok((state, queue, runs))
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

/// Answers also how many rows were read for it.
async fn read(session: &Session) -> Result<(Statistics, i64), Fault> {
    let (mut statistics, mut read) = (Statistics::default(), 0);
    let answers = session.query_all(&[Step(COUNTS, &[]), Step(MINUTES, &[])]).await?;
    let [counts, minutes] = &answers[..] else { unreachable!("two answers to two statements") };
    for row in counts {
        add_counts(&mut statistics, row)?;
        read += row.try_get::<i64>(4)?;
    }
    for row in minutes {
        add_minute(&mut statistics, row)?;
        read += row.try_get::<i64>(7)?;
    }
    Ok((statistics, read))
}

impl Inner {
    pub(crate) async fn statistics(&self) -> Result<Statistics, StoreError> {
        self.ensure_open()?;
        self.expire_deadlines().await?;
        let session = self.session().await?;
        let (statistics, rows) = read(&session).await.map_err(Fault::into_store)?;
        drop(session);
        if rows > READ_MAX {
            self.add_up().await?;
        }
        Ok(statistics)
    }

    /// Makes one row of those that say the same, and forgets minutes that are over for a day.
    pub(super) async fn add_up(&self) -> Result<(), StoreError> {
        transact!(self, begin, tx => {
            let now = self.now().as_micros();
            let rows = tx.query_opt(MANY, &[&ROWS_MAX, &now]).await?;
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
            let mut due = DueCounts::default();
            for row in tx.query(TAKE_PASSED, &[&now]).await? {
                due.passed(read_queue(&row, 0)?, row.try_get(1)?);
            }
            due.write(&tx).await?;
            add(&tx, &sum).await
        })
    }
}
