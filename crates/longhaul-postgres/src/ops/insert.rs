//! New runs are kept, and unique keys taken.

use std::collections::{BTreeSet, HashMap, HashSet};

use longhaul_core::{
    ChildCounts, Inserted, Key, Kind, NewRun, Run, RunId, StateKind, StoreError, StoredRun, Timestamp,
    counts::Statistics,
    family::admit_child,
    store::InsertError,
    stored::{duplicate, resolve_conflict},
};

use super::turns::NewTurns;
use crate::{
    added_counts::{self, ADD_COUNTS, ADD_MINUTES, Counts},
    change::{Change, News},
    error::Fault,
    families,
    handle::Inner,
    id::{Uuid, uuids},
    row::{self, Kept, Rows, Written, insert_runs},
    session::{Param, SessionIn, Step, Tx, transact},
};

const ALL: Written = Written { all: true, execution_metadata: true, ended: true };

/// So many runs are sent as a stream.
const COPIED_FROM: usize = 256;

/// All of an insertion. Fails if one of the runs is there already.
const INSERT_NEW: &str = concat!(
    "WITH run AS (",
    insert_runs!(),
    "), counts AS ( \
        INSERT INTO @state_count (kind, queue, state, runs) \
        SELECT * FROM unnest($22::text[], $23::text[], $24::int2[], $25::int8[])), \
    due AS ( \
        INSERT INTO @due_count (queue, at, runs) SELECT * FROM unnest($33::text[], $34::int8[], $35::int8[])) \
    INSERT INTO @minute_count (minute, enqueued, started, retried, completed, failed, cancelled) \
    SELECT * FROM unnest($26::int8[], $27::int8[], $28::int8[], $29::int8[], $30::int8[], $31::int8[], $32::int8[])"
);

/// Who keeps others of a kind and key out.
pub(super) enum Holder {
    /// Nobody; a row of the key may be there.
    Nobody {
        row: bool,
    },
    There(Box<Kept>),
    Removed {
        id: RunId,
        state: StateKind,
    },
}

impl Inner {
    pub(crate) async fn insert(&self, news: &[NewRun]) -> Result<Vec<Result<Inserted, InsertError>>, StoreError> {
        self.ensure_open()?;
        // Runs are seldom there already. If one is, this fails, and the next try says which.
        let mut all_are_new = news.iter().all(is_plain);
        let (answers, told) = transact!(self, begin, tx => {
            let (now, mut told) = (self.now(), News::default());
            let answers = if std::mem::take(&mut all_are_new) {
                self.insert_plain(&tx, now, news, &mut told).await?
            } else {
                self.insert_in(&tx, now, news, &mut told).await?
            };
            Ok((answers, told))
        })?;
        told.tell(self);
        Ok(answers)
    }

    /// Keeps runs for which nothing has to be looked up and none of which is there already, and commits. A few are one
    /// statement, which needs no transaction around it; many are a stream, which costs less for each.
    async fn insert_plain(
        &self,
        tx: &Tx,
        now: Timestamp,
        news: &[NewRun],
        told: &mut News,
    ) -> Result<Vec<Result<Inserted, InsertError>>, Fault> {
        let stored: Vec<StoredRun> = news.iter().map(|new| StoredRun::enqueue(now, new.clone())).collect();
        let lanes = self.lanes.of_all(stored.iter().map(|stored| &stored.run))?;
        let (mut rows, mut statistics) = (Rows::default(), Statistics::default());
        for (stored, lane) in stored.iter().zip(lanes) {
            told.lanes.insert(lane);
            rows.push(lane, stored, None, 0, ALL);
            statistics.record(now, &stored.run, None, Some(stored.run.state.kind()));
        }
        let counts = Counts::of(&statistics);
        let (runs, minutes) = (counts.run_columns(), counts.minute_columns());
        if news.len() >= COPIED_FROM && tx.can_copy() {
            rows.copy(tx).await?;
            tx.finish(&[Step(ADD_COUNTS, &runs), Step(ADD_MINUTES, &minutes)]).await?;
        } else {
            let due = rows.due_counts(|_| true);
            let due = due.columns();
            let params: Vec<Param<'_>> = [&rows.common()[..], &runs, &minutes, &due.all()].concat();
            tx.be(Step(INSERT_NEW, &params)).await?;
        }
        Ok(news.iter().map(|_| Ok(Inserted::New)).collect())
    }

    /// The same, in a transaction.
    pub(crate) async fn insert_in(
        &self,
        session: &SessionIn<'_>,
        now: Timestamp,
        news: &[NewRun],
        told: &mut News,
    ) -> Result<Vec<Result<Inserted, InsertError>>, Fault> {
        let mut stored: Vec<StoredRun> = news.iter().map(|new| StoredRun::enqueue(now, new.clone())).collect();
        let lanes = self.lanes.of_all(stored.iter().map(|stored| &stored.run))?;
        let mut turns = self.new_turns(session, &stored).await?;
        for stored in stored.iter_mut().filter(|stored| stored.run.constraints().unique.is_none()) {
            turns.take(now, &mut stored.run);
        }
        let mut refused = admit_children(session, news).await?;
        let mut rows = Rows::default();
        for ((new, stored), lane) in news.iter().zip(&stored).zip(&lanes) {
            if new.constraints().unique.is_none() && !refused.contains_key(&new.id) {
                rows.push(*lane, stored, None, 0, ALL);
            }
        }
        let mut kept: HashSet<Uuid> = rows.insert(session).await?.into_iter().collect();
        // Of several with the same id the first was kept.
        let mut ids = HashSet::new();
        let new = stored.iter().map(|stored| &stored.run);
        let new: Vec<&Run> = new.filter(|run| kept.contains(&run.id.into()) && ids.insert(run.id)).collect();
        let mut statistics = Statistics::default();
        for run in &new {
            statistics.record(now, run, None, Some(run.state.kind()));
        }
        added_counts::add(session, &statistics).await?;
        told.looks |= families::added(session, &new).await?;
        let mut answers = Vec::with_capacity(news.len());
        for ((new, stored), lane) in news.iter().zip(&stored).zip(&lanes) {
            if let Some(refused) = refused.remove(&new.id) {
                answers.push(Err(refused));
                continue;
            }
            answers.push(match &new.constraints().unique {
                // The first of those with the same id.
                None if kept.remove(&new.id.into()) => Ok(Inserted::New),
                None => Err(InsertError::Duplicate(new.id)),
                Some(unique) => {
                    let new = (new, stored, *lane);
                    self.insert_unique(session, now, new, &unique.key, &mut turns, told).await?
                }
            });
        }
        turns.write(session).await?;
        told.lanes.extend(lanes);
        Ok(answers)
    }

    async fn insert_unique(
        &self,
        session: &SessionIn<'_>,
        now: Timestamp,
        (new, stored, lane): (&NewRun, &StoredRun, i32),
        key: &Key,
        turns: &mut NewTurns,
        told: &mut News,
    ) -> Result<Result<Inserted, InsertError>, Fault> {
        if exists(session, new.id).await? {
            return Ok(Err(InsertError::Duplicate(new.id)));
        }
        let (id, state, there) = match self.holder(session, now, &new.kind, key, new.id).await? {
            Holder::Nobody { row } => {
                if row {
                    take_key(session, &new.kind, key, new.id).await?;
                }
                let mut stored = stored.clone();
                turns.take(now, &mut stored.run);
                let mut rows = Rows::default();
                rows.push(lane, &stored, None, 0, ALL);
                rows.insert(session).await?;
                let mut statistics = Statistics::default();
                statistics.record(now, &stored.run, None, Some(stored.run.state.kind()));
                added_counts::add(session, &statistics).await?;
                told.looks |= families::added(session, &[&stored.run]).await?;
                return Ok(Ok(Inserted::New));
            }
            Holder::There(kept) => {
                let run = &kept.stored.run;
                (run.id, run.state.kind(), Some(kept))
            }
            Holder::Removed { id, state } => (id, state, None),
        };
        let answer = resolve_conflict(new, (id, state), there.as_ref().map(|kept| &kept.stored.run));
        if let (Ok(Inserted::Replaced { .. }), Some(kept)) = (&answer, there) {
            let mut change = Change::of(*kept);
            change.make(|run| Ok::<_, Fault>(((), run.replace(now, new.clone()))))?;
            self.keep_locked(session, &mut [change], told).await?;
        }
        Ok(answer)
    }

    /// Who has this key; if nobody had ever had it, `id` has it now. Its row is locked.
    pub(super) async fn holder(
        &self,
        session: &SessionIn<'_>,
        now: Timestamp,
        kind: &Kind,
        key: &Key,
        id: RunId,
    ) -> Result<Holder, Fault> {
        let taken = session
            .execute(
                "INSERT INTO @unique_key (kind, key, run) VALUES ($1, $2, $3) ON CONFLICT (kind, key) DO NOTHING",
                &[&kind.as_str(), &key.as_str(), &Uuid::from(id)],
            )
            .await?;
        if taken == 1 {
            return Ok(Holder::Nobody { row: false });
        }
        let row = session
            .query_opt(
                "SELECT run, until, state FROM @unique_key WHERE kind = $1 AND key = $2 FOR UPDATE",
                &[&kind.as_str(), &key.as_str()],
            )
            .await?;
        // It was removed between the two.
        let Some(row) = row else { return Err(Fault::Again("a unique key was let go".into())) };
        let (there, until) = (row.try_get::<Uuid>(0)?.run(), row.try_get::<Option<i64>>(1)?);
        if let Some(until) = until {
            let state = row.try_get::<Option<i16>>(2)?.and_then(row::state_of);
            let holds = now < Timestamp::from_micros(until);
            return Ok(match state.filter(|_| holds) {
                Some(state) => Holder::Removed { id: there, state },
                None => Holder::Nobody { row: true },
            });
        }
        let kept = row::lock(session, [there]).await?.pop();
        Ok(match kept.filter(|kept| kept.stored.run.has_key(now, key)) {
            Some(kept) => Holder::There(Box::new(kept)),
            None => Holder::Nobody { row: true },
        })
    }
}

/// Whether nothing has to be looked up for it.
fn is_plain(new: &NewRun) -> bool {
    let constraints = new.constraints();
    constraints.unique.is_none()
        && constraints.ordered.is_none()
        && constraints.parent.is_none()
        && constraints.after.is_none()
        && constraints.batch.is_none()
}

/// Of new children: those that are there already, and those that cannot become children, with the reason. The parents
/// neither end nor go on in another attempt until the transaction ends.
async fn admit_children(session: &SessionIn<'_>, news: &[NewRun]) -> Result<HashMap<RunId, InsertError>, Fault> {
    let parents: BTreeSet<Uuid> = news.iter().filter_map(|new| Some(new.parent()?.id.into())).collect();
    let mut refused = HashMap::new();
    if parents.is_empty() {
        return Ok(refused);
    }
    let parents: Vec<Uuid> = parents.into_iter().collect();
    let ids = uuids(news.iter().filter(|new| new.parent().is_some()).map(|new| new.id));
    // The counts first: whoever adds up what has ended locks them in this order too.
    let counted = session.query(FAMILIES, &[&parents]).await?;
    let mut totals: HashMap<RunId, u64> = HashMap::new();
    for row in &counted {
        totals.insert(row.try_get::<Uuid>(0)?.run(), u64::try_from(row.try_get::<i64>(1)?).unwrap_or(0));
    }
    let mut there: HashMap<RunId, Run> = HashMap::new();
    for statement in [(PARENTS, &parents), (THERE, &ids)] {
        for row in &session.query(statement.0, &[statement.1]).await? {
            let (id, run) = row::read_header(row)?;
            there.insert(id, run?);
        }
    }
    for new in news {
        let Some(parent) = new.parent() else { continue };
        if let Some(run) = there.get(&new.id) {
            refused.insert(new.id, duplicate(new, Some(run)));
            continue;
        }
        let total = totals.entry(parent.id).or_default();
        let children = ChildCounts { total: *total, ..ChildCounts::default() };
        match admit_child(parent, there.get(&parent.id), children) {
            Ok(()) => *total += 1,
            Err(why) => _ = refused.insert(new.id, why.into()),
        }
    }
    Ok(refused)
}

const FAMILIES: &str = "SELECT parent, total FROM @family WHERE parent = ANY($1) ORDER BY parent FOR UPDATE";

const PARENTS: &str = "SELECT r.id, r.rec FROM @run r WHERE r.id = ANY($1) ORDER BY r.id FOR SHARE";

const THERE: &str = "SELECT r.id, r.rec FROM @run r WHERE r.id = ANY($1)";

pub(super) async fn take_key(session: &SessionIn<'_>, kind: &Kind, key: &Key, id: RunId) -> Result<(), Fault> {
    session
        .execute(
            "UPDATE @unique_key SET run = $3, until = NULL, state = NULL WHERE kind = $1 AND key = $2",
            &[&kind.as_str(), &key.as_str(), &Uuid::from(id)],
        )
        .await?;
    Ok(())
}

pub(super) async fn exists(session: &SessionIn<'_>, id: RunId) -> Result<bool, Fault> {
    Ok(session.query_opt("SELECT 1 FROM @run WHERE id = $1", &[&Uuid::from(id)]).await?.is_some())
}
