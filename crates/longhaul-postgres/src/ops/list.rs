//! What is read: single runs, pages of runs, and how many there are.

use longhaul_core::{
    Explanation, Key, Kind, Run, RunId, Snapshot, StoreError, Timestamp,
    admission::{Admission, Offer},
    explain::{Ahead, explain},
    limits::PAGE_MAX,
    record::Damage,
    store::{Damaged, Filter, GetError, HeaderPage, ListOrder, Page, PageRequest, QueueDepth, RunHeader},
};
use tokio_postgres::Row;

use super::{
    admission::{Candidates, read_buckets, read_controls},
    insert::has_key,
};
use crate::{
    change::News,
    error::Fault,
    id::Uuid,
    row::{self, Kept, columns, is_rare, state_number},
    session::{Param, Session, transact},
    store::Inner,
};

/// A page looks at no more rows than this.
const LOOKS: i64 = 5_000;

pub(crate) const LIST: [&str; 2] = [
    concat!("SELECT ", columns!(), " FROM @run r WHERE r.id > $1 ORDER BY r.id LIMIT $2"),
    concat!("SELECT ", columns!(), " FROM @run r WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2"),
];

/// Without values.
pub(crate) const HEADERS: [&str; 2] = [
    "SELECT r.id, r.rec FROM @run r WHERE r.id > $1 ORDER BY r.id LIMIT $2",
    "SELECT r.id, r.rec FROM @run r WHERE r.id < $1 ORDER BY r.id DESC LIMIT $2",
];

/// Through the index of rare states.
pub(crate) const LIST_RARE: [&str; 2] = [
    concat!(
        "SELECT ",
        columns!(),
        " FROM unnest($3::int2[]) s(state) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.seen = s.state \
        AND t.id > $1 ORDER BY t.id LIMIT $2) r ORDER BY r.id LIMIT $2"
    ),
    concat!(
        "SELECT ",
        columns!(),
        " FROM unnest($3::int2[]) s(state) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.seen = s.state \
        AND t.id < $1 ORDER BY t.id DESC LIMIT $2) r ORDER BY r.id DESC LIMIT $2"
    ),
];

/// Without values.
pub(crate) const HEADERS_RARE: [&str; 2] = [
    "SELECT r.id, r.rec FROM unnest($3::int2[]) s(state) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.seen = s.state \
        AND t.id > $1 ORDER BY t.id LIMIT $2) r ORDER BY r.id LIMIT $2",
    "SELECT r.id, r.rec FROM unnest($3::int2[]) s(state) CROSS JOIN LATERAL (SELECT t.* FROM @run t WHERE t.seen = s.state \
        AND t.id < $1 ORDER BY t.id DESC LIMIT $2) r ORDER BY r.id DESC LIMIT $2",
];

/// A run, or why it cannot be read.
type ReadRow<T> = Result<(RunId, Result<T, Damage>), Fault>;

impl Inner {
    /// The run, after what time alone has ended is over.
    pub(crate) async fn get(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.ensure_open()?;
        self.current(id).await?.map(|kept| kept.stored.into_snapshot()).ok_or(GetError::NotFound(id))
    }

    async fn current(&self, id: RunId) -> Result<Option<Kept>, StoreError> {
        let session = self.session().await?;
        let kept = row::get(&session, id).await.map_err(Fault::into_store)?;
        drop(session);
        let now = self.now();
        let deadline = kept.as_ref().and_then(|kept| kept.stored.run.deadline());
        if deadline.is_none_or(|deadline| now < deadline) {
            return Ok(kept);
        }
        let (kept, news) = transact!(self, begin, tx => {
            let mut news = News::default();
            self.expire_among(&tx, now, &[id], &mut news).await?;
            Ok((row::get(&tx, id).await?, news))
        })?;
        news.tell(self);
        Ok(kept)
    }

    pub(crate) async fn find_by_key(&self, kind: &Kind, key: &Key) -> Result<Option<RunId>, StoreError> {
        self.ensure_open()?;
        self.expire_suspensions().await?;
        let session = self.session().await?;
        let row = session
            .query_opt(
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM @unique_key k CROSS JOIN LATERAL \
                    (SELECT t.* FROM @run t WHERE t.id = k.run OFFSET 0) r WHERE k.kind = $1 AND k.key = $2"
                ),
                &[&kind.as_str(), &key.as_str()],
            )
            .await
            .map_err(Fault::into_store)?;
        let kept = row.as_ref().map(row::read_whole).transpose().map_err(Fault::into_store)?;
        Ok(kept.filter(|kept| has_key(self.now(), kept, key)).map(|kept| kept.stored.run.id))
    }

    pub(crate) async fn list(&self, request: &PageRequest) -> Result<Page, StoreError> {
        let of = |kept: &Kept| kept.stored.run.id;
        let is_meant = |kept: &Kept| request.filter.matches(&kept.stored.run);
        let (kept, damaged, next) = self.read_page(request, [LIST, LIST_RARE], row::read, is_meant, of).await?;
        Ok(Page { runs: kept.into_iter().map(|kept| kept.stored.into_snapshot()).collect(), damaged, next })
    }

    pub(crate) async fn list_headers(&self, request: &PageRequest) -> Result<HeaderPage, StoreError> {
        let is_meant = |run: &Run| request.filter.matches(run);
        let statements = [HEADERS, HEADERS_RARE];
        let (runs, damaged, next) =
            self.read_page(request, statements, row::read_header, is_meant, |run| run.id).await?;
        Ok(HeaderPage { runs: runs.iter().map(RunHeader::of).collect(), damaged, next })
    }

    /// A page of what `read` makes of rows. The first statements walk over all runs, the others over those in rare states.
    async fn read_page<T>(
        &self,
        request: &PageRequest,
        [all, rare]: [[&'static str; 2]; 2],
        read: fn(&Row) -> ReadRow<T>,
        is_meant: impl Fn(&T) -> bool,
        id_of: fn(&T) -> RunId,
    ) -> Result<(Vec<T>, Vec<Damaged>, Option<RunId>), StoreError> {
        self.ensure_open()?;
        let PageRequest { filter, order, after, limit } = request;
        assert!((1..=PAGE_MAX).contains(limit), "a page has 1 to {PAGE_MAX} runs, not {limit}");
        self.expire_suspensions().await?;
        let session = self.session().await?;
        let at = usize::from(*order == ListOrder::NewestFirst);
        let first = [RunId::from_bytes([0; 16]), RunId::from_bytes([0xFF; 16])][at];
        let mut after = Uuid::from(after.unwrap_or(first));
        let is_of_rare = !filter.states.is_empty() && filter.states.iter().all(|state| is_rare(*state));
        let states: Vec<i16> = filter.states.iter().copied().map(state_number).collect();
        let (mut runs, mut damaged) = (Vec::new(), Vec::new());
        let mut looks = 0;
        loop {
            let some = (2 * *limit as i64).clamp(16, LOOKS);
            let rows = if is_of_rare {
                session.query(rare[at], &[&after, &some, &states]).await
            } else {
                session.query(all[at], &[&after, &some]).await
            }
            .map_err(Fault::into_store)?;
            for row in &rows {
                let (id, run) = read(row).map_err(Fault::into_store)?;
                match run {
                    Ok(run) if !is_meant(&run) => {}
                    Ok(_) if runs.len() == *limit => {
                        let next = runs.last().map(id_of);
                        return Ok((runs, damaged, next));
                    }
                    Ok(run) => runs.push(run),
                    Err(damage) => damaged.push(Damaged { id, why: (&*damage.reason).into() }),
                }
                after = id.into();
            }
            looks += rows.len() as i64;
            if (rows.len() as i64) < some {
                return Ok((runs, damaged, None));
            }
            if looks >= LOOKS {
                return Ok((runs, damaged, Some(after.run())));
            }
        }
    }

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
        if filter.tags.is_empty() {
            let row = session.query_opt(COUNT, &params).await?;
            return Ok(row.map_or(Ok(0), |row| row.try_get::<_, i64>(0))? as u64);
        }
        let mut count = 0;
        for row in session.query(COUNTED, &params).await? {
            count += u64::from(row::read(&row)?.1.is_ok_and(|kept| filter.matches(&kept.stored.run)));
        }
        Ok(count)
    }

    pub(crate) async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError> {
        self.ensure_open()?;
        self.expire_suspensions().await?;
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
            let queue = longhaul_core::Queue::new(name)
                .map_err(|error| StoreError::from(Damage::of("a lane", error.to_string())))?;
            depths.push(QueueDepth {
                queue,
                due: row.get::<_, i64>(1) as u64,
                oldest: Timestamp::from_micros(row.get(2)),
            });
        }
        depths.sort_unstable_by(|left, right| left.queue.cmp(&right.queue));
        Ok(depths)
    }

    pub(crate) async fn explain(&self, id: RunId) -> Result<Explanation, GetError> {
        self.ensure_open()?;
        let kept = self.current(id).await?.ok_or(GetError::NotFound(id))?;
        let run = kept.stored.run;
        // Whose turn it is, and what makes room for a last try, is known to this handle only.
        let mut admission: Admission = self.admission().await;
        let session = self.session().await?;
        let read = async {
            self.lanes.refresh(&session).await?;
            let now = self.now();
            admission.controls = read_controls(&session).await?;
            let numbers = self.lanes.which(|lane| lane.queue == run.queue);
            let top = Ahead::COUNTED as i64 + 1;
            let mut candidates = Candidates::read(&session, &self.lanes, now, &numbers, top).await?;
            candidates.count_running(&session, &self.lanes, &admission.controls).await?;
            candidates.read_executing(&session, &self.lanes, longhaul_core::ServerId::from_bytes([0; 16])).await?;
            let own = longhaul_core::admission::LimitGroup::of(&run);
            admission.buckets = read_buckets(&session, now, &admission.controls, [&own].into_iter()).await?;
            let living = self.living(&session).await?;
            let offers: Vec<Offer<'_>> = living
                .iter()
                .map(|beat| Offer { labels: &beat.labels, ..Offer::new(beat.server, &beat.kinds, 1) })
                .collect();
            Ok(explain(now, &run, &admission, &offers, &candidates))
        };
        let explained: Result<Explanation, Fault> = read.await;
        Ok(explained.map_err(Fault::into_store)?)
    }
}

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
