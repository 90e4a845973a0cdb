//! The ends of runs, in the order in which they were kept.
//!
//! Transactions commit in another order than that in which they write. So an end has no position when it is written: the
//! first who looks gives positions to all ends that are committed, one looker after the other. An end that is committed
//! later gets a later position.

use longhaul_core::{
    Kind, StoreError, Timestamp,
    record::Damage,
    store::{EndedCursor, EndedError, EndedPage, EndedRequest, Ends},
};

use crate::{
    error::Fault,
    handle::Inner,
    id::Uuid,
    row::state_of,
    session::{Session, transact},
};

/// So many ends get their positions in one transaction.
const BATCH: i64 = 10_000;

/// Gives positions to ends that are committed, those of one transaction the same.
pub(super) async fn number(session: &Session) -> Result<(), Fault> {
    session.query("UPDATE @counter SET n = n WHERE name = 'ended' RETURNING n", &[]).await?;
    // A statement of its own, so that it sees what the one before has waited for.
    session
        .execute(
            "WITH fresh AS ( \
                SELECT batch, row_number() OVER (ORDER BY min(ord)) AS nth FROM \
                (SELECT batch, ord FROM @end_page WHERE position IS NULL ORDER BY ord LIMIT $1) e GROUP BY batch), \
             numbered AS ( \
                UPDATE @end_page e SET position = c.n + f.nth FROM fresh f, @counter c \
                WHERE e.batch = f.batch AND e.position IS NULL AND c.name = 'ended' RETURNING 1) \
             UPDATE @counter SET n = n + (SELECT count(*) FROM fresh) WHERE name = 'ended'",
            &[&BATCH],
        )
        .await?;
    Ok(())
}

pub(super) async fn has_new(session: &Session) -> Result<bool, Fault> {
    Ok(session.query_opt("SELECT 1 FROM @end_page WHERE position IS NULL LIMIT 1", &[]).await?.is_some())
}

impl Inner {
    pub(crate) async fn ended_once(&self, request: &EndedRequest) -> Result<EndedPage, EndedError> {
        self.ensure_open()?;
        self.expire_deadlines().await?;
        self.look_if_needed().await?;
        self.number_ends().await?;
        let session = self.session().await?;
        read(&session, request, self.ends_opened).await.map_err(Fault::into_store)?
    }

    /// Gives positions to all ends that are committed.
    pub(super) async fn number_ends(&self) -> Result<(), StoreError> {
        loop {
            let session = self.session().await?;
            let has_new = has_new(&session).await.map_err(Fault::into_store)?;
            drop(session);
            if !has_new {
                return Ok(());
            }
            transact!(self, begin, tx => number(&tx).await)?;
        }
    }
}

async fn read(
    session: &Session,
    request: &EndedRequest,
    opened: EndedCursor,
) -> Result<Result<EndedPage, EndedError>, Fault> {
    let EndedRequest { after, limit, .. } = *request;
    // In one statement: what is removed between two would be missed.
    let rows = session
        .query(
            "SELECT e.n, r.n, p.position, p.kind, p.state, p.at, p.runs FROM @counter e \
             JOIN @counter r ON r.name = 'removed' \
             LEFT JOIN (SELECT position, kind, state, at, runs FROM @end_page WHERE position IN ( \
                SELECT DISTINCT position FROM @end_page WHERE position >= $1 ORDER BY position LIMIT $2)) p ON true \
             WHERE e.name = 'ended'",
            &[&(after.position as i64), &(limit as i64 + 1)],
        )
        .await?;
    let Some(first) = rows.first() else {
        return Err(Damage::of("the counter of ends", "it is not there").into());
    };
    let (last, removed) = (first.try_get::<i64>(0)? as u64, first.try_get::<i64>(1)? as u64);
    let mut page = match Ends::of(last, removed, opened).page(after) {
        Ok(page) => page,
        Err(overtaken) => return Ok(Err(overtaken)),
    };
    let mut runs = Vec::new();
    for row in &rows {
        let Some(position) = row.try_get::<Option<i64>>(2)? else { continue };
        let damaged = |reason: String| Fault::from(Damage::of("a page of ends", reason));
        let kind = Kind::new(row.try_get(3)?).map_err(|error| damaged(error.to_string()))?;
        let number = row.try_get::<i16>(4)?;
        let state = state_of(number).ok_or_else(|| damaged(format!("its state is {number}")))?;
        let at = Timestamp::from_micros(row.try_get(5)?);
        let ids = row.try_get::<Vec<Uuid>>(6)?;
        runs.extend(ids.into_iter().map(|id| (position as u64, id.run(), kind.clone(), state, at)));
    }
    runs.retain(|(position, id, ..)| (*position, *id) > (after.position, after.run));
    runs.sort_unstable_by_key(|(position, id, ..)| (*position, *id));
    for (position, id, kind, state, at) in runs.into_iter().take(limit) {
        page.push(position, (id, kind), (state, at));
    }
    Ok(Ok(page))
}
