//! Final runs go when their retention has passed, and what else nobody needs any more.

use std::collections::{BTreeSet, HashMap, HashSet};

use longhaul_core::{
    Kind, Retentions, Run, RunId, StateKind, StoreError, Timestamp,
    counts::Statistics,
    record::Damage,
    store::{Swept, copy::RemovedKey},
};

use super::{ended, served::forget_served, statistics};
use crate::{
    added_counts,
    due_counts::{DueCounts, DueFrom},
    error::Fault,
    families::{self, FamilyChanges},
    handle::Inner,
    id::{Uuid, uuids},
    row::{self, state_of},
    session::{Session, transact},
};

/// The oldest ends of a kind and state, so many pages that they hold `$4` runs and one more.
pub(crate) const OLDEST: &str = "\
    SELECT at, runs FROM ( \
        SELECT at, ord, runs, sum(cardinality(runs)) OVER (ORDER BY at, ord) - cardinality(runs) AS before FROM ( \
            SELECT at, ord, runs FROM @end_page WHERE kind = $1 AND state = $2 ORDER BY at, ord LIMIT $3) oldest) e \
    WHERE before <= $4 ORDER BY at, ord";

/// The kinds and states of which there are ends, by leaps over the index.
pub(crate) const ENDS: &str = "\
    WITH RECURSIVE ends AS ( \
        (SELECT kind, state FROM @end_page ORDER BY kind, state LIMIT 1) \
        UNION ALL \
        SELECT n.kind, n.state FROM ends e CROSS JOIN LATERAL ( \
            SELECT p.kind, p.state FROM @end_page p WHERE (p.kind, p.state) > (e.kind, e.state) \
            ORDER BY p.kind, p.state LIMIT 1) n) \
    SELECT kind, state FROM ends";

/// Removes runs and all that is theirs but their unique keys. Readers of ends who have not read theirs will know.
pub(super) async fn remove(session: &Session, ids: &[Uuid], families: &mut FamilyChanges) -> Result<(), Fault> {
    session.execute("DELETE FROM @family WHERE parent = ANY($1)", &[&ids]).await?;
    session.execute("DELETE FROM @child WHERE parent = ANY($1)", &[&ids]).await?;
    families.are_gone(ids);
    families.seal();
    families::keep(session, families).await?;
    if ended::has_new(session).await? {
        ended::number(session).await?;
    }
    session
        .execute(
            "UPDATE @counter c SET n = greatest(c.n, (SELECT coalesce(max(e.position), 0) FROM @end_page e \
             WHERE e.id IN (SELECT r.page FROM @run r WHERE r.id = ANY($1)))) WHERE c.name = 'removed'",
            &[&ids],
        )
        .await?;
    session
        .execute(
            "UPDATE @end_page e SET runs = ARRAY(SELECT u.id FROM unnest(e.runs) u(id) WHERE u.id <> ALL($1)) \
             WHERE e.id IN (SELECT r.page FROM @run r WHERE r.id = ANY($1))",
            &[&ids],
        )
        .await?;
    session
        .execute(
            "DELETE FROM @end_page e WHERE e.id IN (SELECT r.page FROM @run r WHERE r.id = ANY($1)) AND e.runs = '{}'",
            &[&ids],
        )
        .await?;
    session.execute("DELETE FROM @log_page WHERE run = ANY($1)", &[&ids]).await?;
    let gone = session
        .query(
            "WITH gone AS (DELETE FROM @run WHERE id = ANY($1) \
                RETURNING lane, state, due, CASE WHEN due IS NOT NULL THEN since ELSE 0 END AS since) \
             SELECT l.kind, l.queue, g.state, -count(*), g.due, g.since FROM gone g JOIN @lane l ON l.id = g.lane \
             GROUP BY l.kind, l.queue, g.state, g.due, g.since",
            &[&ids],
        )
        .await?;
    let (mut statistics, mut due) = (Statistics::default(), DueCounts::default());
    for row in &gone {
        let (state, queue, runs) = statistics::add_counts(&mut statistics, row)?;
        due.add(&queue, DueFrom::new(state, row.try_get(4)?, row.try_get(5)?), runs);
    }
    due.write(session).await?;
    added_counts::add(session, &statistics).await
}

/// The failed runs that others of their order keys wait for.
async fn stopped(session: &Session) -> Result<HashSet<RunId>, Fault> {
    let rows = session.query("SELECT run FROM @turn WHERE stopped", &[]).await?;
    rows.iter().map(|row| Ok(row.try_get::<Uuid>(0)?.run())).collect()
}

impl Inner {
    pub(crate) async fn sweep(&self, retentions: &Retentions, max: usize) -> Result<Swept, StoreError> {
        self.ensure_open()?;
        self.expire_deadlines().await?;
        // Children whose parents are not final stay, and must not keep others from going.
        let mut kept = 0;
        let swept = loop {
            let (swept, stay) = self.sweep_beyond(retentions, max, kept).await?;
            if swept.removed > 0 || stay <= kept {
                break swept;
            }
            kept = 2 * stay;
        };
        self.add_up().await?;
        self.look_at_waits().await?;
        Ok(swept)
    }

    /// Looks at `kept` more than it may remove. Answers how many of them stay.
    async fn sweep_beyond(
        &self,
        retentions: &Retentions,
        max: usize,
        kept: usize,
    ) -> Result<(Swept, usize), StoreError> {
        transact!(self, begin, tx => {
            let now = self.now();
            // One sweep after the other: they would remove the same runs.
            tx.query("UPDATE @counter SET n = n WHERE name = 'removed' RETURNING n", &[]).await?;
            let stopped = stopped(&tx).await?;
            let mut oldest: BTreeSet<(Timestamp, RunId)> = BTreeSet::new();
            for row in tx.query(ENDS, &[]).await? {
                let (kind, number): (&str, i16) = (row.try_get(0)?, row.try_get(1)?);
                for (at, id) in self.removable(&tx, retentions, (kind, number), max + kept, &stopped).await? {
                    oldest.insert((at, id));
                }
            }
            let mut families = FamilyChanges::default();
            let (due, next, stay) = self.without_kept(&tx, now, oldest, max, &mut families).await?;
            self.keep_keys(&tx, now, &due).await?;
            if !due.is_empty() {
                remove(&tx, &uuids(due.iter().copied()), &mut families).await?;
            }
            tx.execute("DELETE FROM @unique_key WHERE until <= $1", &[&now.as_micros()]).await?;
            tx.execute("DELETE FROM @bucket WHERE idle <= $1", &[&now.as_micros()]).await?;
            super::controls::forget_limit_keys(&tx, now).await?;
            forget_served(&tx, now).await?;
            Ok((Swept { removed: due.len(), next }, stay))
        })
    }

    /// The runs of one kind and state that ended first, and when each may be removed.
    async fn removable(
        &self,
        session: &Session,
        retentions: &Retentions,
        (kind, number): (&str, i16),
        max: usize,
        stopped: &HashSet<RunId>,
    ) -> Result<Vec<(Timestamp, RunId)>, Fault> {
        let damaged = |reason: String| Fault::from(Damage::of("a page of ends", reason));
        let state: StateKind = state_of(number).ok_or_else(|| damaged(format!("its state is {number}")))?;
        let retention = retentions.of(&Kind::new(kind).map_err(|error| damaged(error.to_string()))?);
        // Beyond those that stay whatever their time.
        let max = (max + stopped.len()) as i64;
        let rows = session.query(OLDEST, &[&kind, &number, &(max + 1), &max]).await?;
        let mut removable = Vec::new();
        for row in rows {
            if let Some(at) = retention.removable_at(state, Timestamp::from_micros(row.try_get(0)?)) {
                let runs = row.try_get::<Vec<Uuid>>(1)?.into_iter().map(Uuid::run);
                removable.extend(runs.filter(|id| !stopped.contains(id)).map(|id| (at, id)));
            }
        }
        Ok(removable)
    }

    /// Lets go of the unique keys of runs that are about to go, but of those that outlive them.
    /// At most `max` of those whose time is over and whose parents are final, when the next one's time is over, and how
    /// many stay because their parents are not final.
    async fn without_kept(
        &self,
        session: &Session,
        now: Timestamp,
        oldest: BTreeSet<(Timestamp, RunId)>,
        max: usize,
        families: &mut FamilyChanges,
    ) -> Result<(Vec<RunId>, Option<Timestamp>, usize), Fault> {
        let passed: Vec<RunId> = oldest.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect();
        let mut runs = HashMap::new();
        for row in session.query("SELECT r.id, r.rec FROM @run r WHERE r.id = ANY($1)", &[&uuids(passed)]).await? {
            // One that cannot be read goes when its time is over, as any other.
            if let (id, Ok(run)) = row::read_header(&row)? {
                runs.insert(id, run);
            }
        }
        let parents: BTreeSet<Uuid> = runs.values().filter_map(|run| Some(run.parent()?.id.into())).collect();
        let mut live = BTreeSet::new();
        if !parents.is_empty() {
            let parents: Vec<Uuid> = parents.into_iter().collect();
            let rows = session
                .query("SELECT r.id FROM @run r WHERE r.id = ANY($1) AND r.state NOT IN (4, 5, 6)", &[&parents])
                .await?;
            for row in &rows {
                live.insert(row.try_get::<Uuid>(0)?.run());
            }
        }
        let (mut due, mut next, mut stay) = (Vec::new(), None, 0);
        for (at, id) in oldest {
            let run = runs.get(&id);
            if run.and_then(Run::parent).is_some_and(|parent| live.contains(&parent.id)) {
                stay += 1;
                continue;
            }
            if at > now || due.len() == max {
                next = Some(at);
                break;
            }
            if let Some(run) = run {
                families.removed(run);
            }
            due.push(id);
        }
        Ok((due, next, stay))
    }

    async fn keep_keys(&self, session: &Session, now: Timestamp, ids: &[RunId]) -> Result<(), Fault> {
        let rows = session
            .query("SELECT kind, key, run FROM @unique_key WHERE run = ANY($1)", &[&uuids(ids.iter().copied())])
            .await?;
        for row in rows {
            let (kind, key, id): (&str, &str, Uuid) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let run = row::get(session, id.run()).await?.map(|kept| kept.stored.run);
            match run.and_then(|run| RemovedKey::of(now, &run)) {
                Some(RemovedKey { until, state, .. }) => {
                    let state = row::state_number(state);
                    session
                        .execute(
                            "UPDATE @unique_key SET until = $3, state = $4 WHERE kind = $1 AND key = $2",
                            &[&kind, &key, &until.as_micros(), &state],
                        )
                        .await?;
                }
                None => {
                    session.execute("DELETE FROM @unique_key WHERE kind = $1 AND key = $2", &[&kind, &key]).await?;
                }
            }
        }
        Ok(())
    }
}
