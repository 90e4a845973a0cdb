//! Runs that wait for others are looked at when one of those has ended, and children of what was cancelled are cancelled.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use longhaul_core::{
    ChildCounts, Event, Run, RunId, StateKind, StoreError,
    family::{cancel_children, is_told, runs_ended},
};

use crate::{
    change::{Change, News},
    error::Fault,
    handle::Inner,
    id::{Uuid, uuids},
    row::{self, state_of},
    session::{Row, Session, transact},
};

/// So many rows of news in one transaction, and so many children of a run that was cancelled.
const BATCH: i64 = 256;

/// Of two that take the same, the second waits, and finds it taken.
const TAKE: &str = "\
    DELETE FROM @family_news WHERE ord IN ( \
        SELECT ord FROM @family_news ORDER BY ord LIMIT $1) \
    RETURNING run, cancels, total, completed, failed, cancelled, ends";

/// In the order of the parents, so that two of these do not wait for each other.
const ADD: &str = "\
    WITH news AS (SELECT f.parent, n.total, n.completed, n.failed, n.cancelled, n.ends FROM @family f \
        JOIN unnest($1::uuid[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) \
            n(parent, total, completed, failed, cancelled, ends) ON n.parent = f.parent ORDER BY f.parent FOR UPDATE OF f) \
    UPDATE @family f SET total = f.total + n.total, completed = f.completed + n.completed, \
        failed = f.failed + n.failed, cancelled = f.cancelled + n.cancelled, ends = f.ends + n.ends \
    FROM news n WHERE f.parent = n.parent \
    RETURNING f.parent, f.total, f.completed, f.failed, f.cancelled, f.ends";

const COUNTS: &str = "SELECT parent, total, completed, failed, cancelled, ends FROM @family WHERE parent = $1";

/// Those that change at this moment are waited for: whatever comes of them, it is seen here, or finds who waits.
const NAMED: &str = "SELECT id, state FROM @run WHERE id = ANY($1) ORDER BY id FOR SHARE";

/// Those that were told and have not ended are among them.
const OPEN_CHILDREN: &str = "\
    SELECT c.run FROM @child c JOIN @run r ON r.id = c.run \
    WHERE c.parent = $1 AND c.run > $2 AND r.state NOT IN (4, 5, 6) ORDER BY c.run LIMIT $3";

fn counts(row: &Row) -> Result<(RunId, ChildCounts), Fault> {
    let number = |at| Ok::<_, Fault>(u64::try_from(row.try_get::<i64>(at)?).unwrap_or(0));
    let counts = ChildCounts {
        total: number(1)?,
        completed: number(2)?,
        failed: number(3)?,
        cancelled: number(4)?,
        ends: number(5)?,
    };
    Ok((row.try_get::<Uuid>(0)?.run(), counts))
}

/// How many children a run has.
pub(super) async fn child_counts(session: &Session, parent: RunId) -> Result<ChildCounts, Fault> {
    let row = session.query_opt(COUNTS, &[&Uuid::from(parent)]).await?;
    Ok(row.as_ref().map(counts).transpose()?.map(|(_, counts)| counts).unwrap_or_default())
}

impl Inner {
    pub(crate) async fn child_counts(&self, parent: RunId) -> Result<ChildCounts, StoreError> {
        self.ensure_open()?;
        self.look_if_needed().await?;
        let session = self.session().await?;
        child_counts(&session, parent).await.map_err(Fault::into_store)
    }

    /// The same, if this server knows of something to look at. If somebody looks already, waits until they have.
    pub(crate) async fn look_if_needed(&self) -> Result<(), StoreError> {
        if self.waits_have_news.load(Ordering::Acquire) {
            return self.look_at_waits().await;
        }
        if self.looking.try_lock().is_err() {
            drop(self.looking.lock().await);
        }
        Ok(())
    }

    /// Looks at all runs that somebody has to look at.
    pub(crate) async fn look_at_waits(&self) -> Result<(), StoreError> {
        // One after the other: the second would only wait for the rows of the first.
        let _one = self.looking.lock().await;
        loop {
            // Before the look: what comes after it is new.
            self.waits_have_news.store(false, Ordering::Release);
            let looked = transact!(self, begin, tx => {
                let mut news = News::default();
                let (taken, goes_on) = self.look_once(&tx, &mut news).await?;
                Ok((taken, goes_on, news))
            });
            let (taken, goes_on, news) = looked.inspect_err(|_| self.waits_have_news.store(true, Ordering::Release))?;
            let more = goes_on || news.looks || taken as i64 == BATCH;
            news.tell(self);
            if !more {
                return Ok(());
            }
        }
    }

    async fn look_once(&self, session: &Session, news: &mut News) -> Result<(usize, bool), Fault> {
        let taken = session.query(TAKE, &[&BATCH]).await?;
        if taken.is_empty() {
            return Ok((0, false));
        }
        let (mut added, mut looks, mut cancels) =
            (BTreeMap::<RunId, [i64; 5]>::new(), BTreeSet::new(), BTreeSet::new());
        for row in &taken {
            let id = row.try_get::<Uuid>(0)?.run();
            looks.insert(id);
            if row.try_get(1)? {
                cancels.insert(id);
            }
            let sums = added.entry(id).or_default();
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum += row.try_get::<i64>(at + 2)?;
            }
        }
        added.retain(|_, sums| *sums != [0; 5]);
        let mut families = BTreeMap::new();
        if !added.is_empty() {
            let parents = uuids(added.keys().copied());
            let column = |at: usize| added.values().map(|sums| sums[at]).collect::<Vec<i64>>();
            let columns = [column(0), column(1), column(2), column(3), column(4)];
            let [total, completed, failed, cancelled, ends] = &columns;
            let rows = session.query(ADD, &[&parents, total, completed, failed, cancelled, ends]).await?;
            for row in &rows {
                let (parent, counts) = counts(row)?;
                families.insert(parent, counts);
            }
        }
        let mut changes = Vec::new();
        let mut go_on = false;
        for kept in row::lock(session, looks).await? {
            let mut change = Change::of(kept);
            let run = change.kept.stored.run.clone();
            if run.awaits.is_some() {
                let event = self.ends_for(session, &run, &families).await?;
                // That nothing follows is no fault: it waits for more than what has ended.
                if change.decide(self.now(), &event).is_ok() {
                    changes.push(change);
                }
            } else if cancels.contains(&run.id) {
                go_on |= self.go_down(session, &run, news).await?;
            }
        }
        self.keep_locked(session, &mut changes, news).await?;
        Ok((taken.len(), go_on))
    }

    async fn ends_for(
        &self,
        session: &Session,
        run: &Run,
        families: &BTreeMap<RunId, ChildCounts>,
    ) -> Result<Event, Fault> {
        let awaits = run.awaits.as_deref().expect("it waits");
        let children = match families.get(&run.id) {
            _ if !awaits.children() => ChildCounts::default(),
            Some(counts) => *counts,
            None => child_counts(session, run.id).await?,
        };
        let mut there = BTreeMap::new();
        if !awaits.named().is_empty() {
            for row in &session.query(NAMED, &[&uuids(awaits.named().iter().copied())]).await? {
                // One in a state that is not known here is not known to be final.
                there.insert(row.try_get::<Uuid>(0)?.run(), state_of(row.try_get(1)?).unwrap_or(StateKind::Pending));
            }
        }
        runs_ended(awaits, children, |id| Ok(there.get(&id).copied()))
    }

    /// Cancels some of the children of a run that was cancelled. Answers whether there may be more.
    async fn go_down(&self, session: &Session, parent: &Run, news: &mut News) -> Result<bool, Fault> {
        let Some(event) = cancel_children(parent) else { return Ok(false) };
        let mut after = RunId::from_bytes([0; 16]);
        loop {
            let rows = session.query(OPEN_CHILDREN, &[&Uuid::from(parent.id), &Uuid::from(after), &BATCH]).await?;
            let ids: Vec<RunId> = rows.iter().map(|row| row.get::<Uuid>(0).run()).collect();
            let Some(last) = ids.last() else { return Ok(false) };
            after = *last;
            let mut changes: Vec<Change> = row::lock(session, ids).await?.into_iter().map(Change::of).collect();
            // One may have ended meanwhile.
            changes.retain_mut(|change| !is_told(&change.kept.stored.run) && change.decide(self.now(), &event).is_ok());
            if !changes.is_empty() {
                self.keep_locked(session, &mut changes, news).await?;
                break;
            }
        }
        session
            .execute(
                "INSERT INTO @family_news (run, cancels, total, completed, failed, cancelled, ends) \
                 VALUES ($1, true, 0, 0, 0, 0, 0)",
                &[&Uuid::from(parent.id)],
            )
            .await?;
        Ok(true)
    }
}
