//! How many runs are due in each queue: what is counted with each change, and the first run of each backlog.

use std::collections::HashMap;

use longhaul_core::{Queue, StoreError, Timestamp, store::QueueDepth};

use super::{admission::first_due, statistics::read_queue};
use crate::{
    due_counts::COUNTED,
    error::Fault,
    handle::Inner,
    row::state_number,
    session::{Param, Row, Step},
};

/// How many runs are due at `$1`, in one look at both tables.
pub(crate) const DUE: &str = "\
    SELECT queue, sum(runs)::int8 FROM ( \
        SELECT queue, runs FROM @state_count WHERE state = ANY($2) \
        UNION ALL SELECT queue, runs FROM @due_count WHERE at <= $1) n \
    GROUP BY queue";

/// Since when the run is due that has waited longest.
pub(crate) const OLDEST: &str = concat!(
    first_due!("(SELECT id AS lane FROM @lane) l"),
    " SELECT l.queue, min(p.due) FROM pair p JOIN @lane l ON l.id = p.lane WHERE p.due <= $1 GROUP BY l.queue"
);

impl Inner {
    pub(crate) async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.ensure_open()?;
        self.expire_deadlines().await?;
        self.depths(self.now()).await.map_err(Fault::into_store)
    }

    async fn depths(&self, now: Timestamp) -> Result<Vec<QueueDepth>, Fault> {
        let (now, counted) = (now.as_micros(), COUNTED.map(state_number).to_vec());
        let (due, oldest): ([Param<'_>; 2], [Param<'_>; 1]) = ([&now, &counted], [&now]);
        let session = self.db.session().await?;
        let answers = session.query_all(&[Step(DUE, &due), Step(OLDEST, &oldest)]).await?;
        let [counts, oldest] = &answers[..] else { unreachable!("two answers to two statements") };
        let counts = counts.iter().map(read).collect::<Result<HashMap<Queue, i64>, Fault>>()?;
        let mut depths = Vec::with_capacity(oldest.len());
        for row in oldest {
            let (queue, oldest) = read(row)?;
            // The counts were read a moment before.
            let due = counts.get(&queue).copied().unwrap_or_default().max(1) as u64;
            depths.push(QueueDepth { queue, due, oldest: Timestamp::from_micros(oldest) });
        }
        depths.sort_unstable_by(|left, right| left.queue.cmp(&right.queue));
        Ok(depths)
    }
}

/// A queue, and a number of it.
fn read(row: &Row) -> Result<(Queue, i64), Fault> {
    Ok((read_queue(row, 0)?, row.try_get(1)?))
}
