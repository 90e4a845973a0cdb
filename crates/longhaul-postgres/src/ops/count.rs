//! How many runs there are.

use longhaul_core::{StoreError, Timestamp, store::Filter};

use crate::{
    error::Fault,
    handle::Inner,
    id::Uuid,
    row::{self, columns, state_number},
    session::{Param, Session},
};

impl Inner {
    pub(crate) async fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        self.ensure_open()?;
        if let Some(count) = self.statistics().await?.counts.count(filter) {
            return Ok(count);
        }
        let session = self.session().await?;
        self.count_in(&session, filter).await.map_err(Fault::into_store)
    }

    async fn count_in(&self, session: &Session, filter: &Filter) -> Result<u64, Fault> {
        self.lanes.refresh(session).await?;
        let lanes = (!filter.kinds.is_empty() || !filter.queues.is_empty()).then(|| {
            self.lanes.which(|lane| {
                (filter.kinds.is_empty() || filter.kinds.contains(&lane.kind))
                    && (filter.queues.is_empty() || filter.queues.contains(&lane.queue))
            })
        });
        let states: Option<Vec<i16>> =
            (!filter.states.is_empty()).then(|| filter.states.iter().copied().map(state_number).collect());
        let micros = |at: Option<Timestamp>| at.map(Timestamp::as_micros);
        let (from, before) = (micros(filter.from).unwrap_or(i64::MIN), micros(filter.before).unwrap_or(i64::MAX));
        let due = micros(filter.due_before);
        let params: [Param<'_>; 6] = [&lanes, &states, &from, &before, &due, &filter.not_retried];
        if let Some(parent) = filter.parent {
            let rows = session.query(OF_PARENT, &[&Uuid::from(parent)]).await?;
            let mut count = 0;
            for row in &rows {
                count += u64::from(row::read_header(row)?.1.is_ok_and(|run| filter.matches(&run)));
            }
            return Ok(count);
        }
        if filter.tags.is_empty() {
            let row = session.query_opt(COUNT, &params).await?;
            return Ok(row.map_or(Ok(0), |row| row.try_get::<i64>(0))? as u64);
        }
        let mut count = 0;
        for row in session.query(COUNTED, &params).await? {
            count += u64::from(row::read(&row)?.1.is_ok_and(|kept| filter.matches(&kept.stored.run)));
        }
        Ok(count)
    }
}

const OF_PARENT: &str = "SELECT r.id, r.rec FROM @child c JOIN @run r ON r.id = c.run WHERE c.parent = $1";

/// What the columns say of a filter.
pub(crate) const COUNT: &str = "\
    SELECT count(*) FROM @run r WHERE \
    ($1::int4[] IS NULL OR r.lane = ANY($1)) AND ($2::int2[] IS NULL OR r.state = ANY($2)) \
    AND r.created >= $3 AND r.created < $4 AND ($5::int8 IS NULL OR r.due < $5) AND (NOT $6 OR NOT r.retried)";

/// The same, with the runs: what a column does not say is said by the run itself.
pub(crate) const COUNTED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM @run r WHERE \
    ($1::int4[] IS NULL OR r.lane = ANY($1)) AND ($2::int2[] IS NULL OR r.state = ANY($2)) \
    AND r.created >= $3 AND r.created < $4 AND ($5::int8 IS NULL OR r.due < $5) AND (NOT $6 OR NOT r.retried)"
);
