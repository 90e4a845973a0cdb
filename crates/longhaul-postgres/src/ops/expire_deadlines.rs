//! Runs that time alone ends: suspensions at their deadline, and runs that have not begun when they expire. It happens
//! before anybody looks.

use longhaul_core::{Event, RunId, StoreError, Timestamp};

use crate::{
    change::{Change, News},
    error::Fault,
    handle::Inner,
    id::{Uuid, uuids},
    row,
    session::{Session, transact},
};

/// So many in one transaction.
const BATCH: i64 = 256;

impl Inner {
    /// Ends all runs whose deadline has passed.
    pub(crate) async fn expire_deadlines(&self) -> Result<(), StoreError> {
        loop {
            let now = self.now();
            let session = self.session().await?;
            let found = session
                .query(
                    "SELECT id FROM @run WHERE deadline <= $1 ORDER BY deadline LIMIT $2",
                    &[&now.as_micros(), &BATCH],
                )
                .await
                .map_err(Fault::into_store)?;
            drop(session);
            if found.is_empty() {
                return Ok(());
            }
            let ids: Vec<RunId> = found.iter().map(|row| row.get::<Uuid>(0).run()).collect();
            let news = transact!(self, begin, tx => {
                let mut news = News::default();
                self.expire_locked(&tx, now, &ids, &mut news).await?;
                Ok(news)
            })?;
            news.tell(self);
        }
    }

    /// Ends those of these runs whose deadline has passed.
    pub(crate) async fn expire_among(
        &self,
        session: &Session,
        now: Timestamp,
        ids: &[RunId],
        news: &mut News,
    ) -> Result<(), Fault> {
        let passed = session
            .query(
                "SELECT id FROM @run WHERE id = ANY($1) AND deadline <= $2",
                &[&uuids(ids.iter().copied()), &now.as_micros()],
            )
            .await?;
        let passed: Vec<RunId> = passed.iter().map(|row| row.get::<Uuid>(0).run()).collect();
        if passed.is_empty() { Ok(()) } else { self.expire_locked(session, now, &passed, news).await }
    }

    async fn expire_locked(
        &self,
        session: &Session,
        now: Timestamp,
        ids: &[RunId],
        news: &mut News,
    ) -> Result<(), Fault> {
        let locked = row::lock(session, ids.iter().copied()).await?;
        let mut changes: Vec<Change> = locked.into_iter().map(Change::of).collect();
        // Somebody else may have been here first.
        changes.retain_mut(|change| {
            let passed = change.kept.stored.run.deadline().is_some_and(|deadline| deadline <= now);
            passed && change.decide(now, &Event::Expire).is_ok()
        });
        self.keep_locked(session, &mut changes, news).await
    }
}
