//! How many runs are due in each queue.

use longhaul_core::{Queue, StoreError, Timestamp, record::Damage, store::QueueDepth};

use crate::{error::Fault, handle::Inner};

impl Inner {
    pub(crate) async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.ensure_open()?;
        self.expire_deadlines().await?;
        let session = self.session().await?;
        let rows = session
            .query(
                "SELECT l.queue, sum(d.count)::int8, min(d.oldest) FROM ( \
                    SELECT r.lane, count(*) AS count, min(r.due) AS oldest FROM @run r \
                    WHERE r.due IS NOT NULL AND r.due <= $1 GROUP BY r.lane) d \
                 JOIN @lane l ON l.id = d.lane GROUP BY l.queue",
                &[&self.now().as_micros()],
            )
            .await
            .map_err(Fault::into_store)?;
        let mut depths = Vec::new();
        for row in rows {
            let name: &str = row.get(0);
            let queue = Queue::new(name).map_err(|error| StoreError::from(Damage::of("a lane", error.to_string())))?;
            depths.push(QueueDepth {
                queue,
                due: row.get::<i64>(1) as u64,
                oldest: Timestamp::from_micros(row.get(2)),
            });
        }
        depths.sort_unstable_by(|left, right| left.queue.cmp(&right.queue));
        Ok(depths)
    }
}
