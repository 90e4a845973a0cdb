//! Schedules: rows that are changed by whoever saw them last.

use longhaul_core::{
    ScheduleName, StoreError,
    record::Damage,
    store::{ScheduleChange, ScheduleChangeError, ScheduleChanged, ScheduleChanges, ScheduleRow},
};

use crate::{change::News, error::Fault, handle::Inner, session::transact};

impl Inner {
    pub(crate) async fn schedule(&self, change: &ScheduleChange) -> Result<ScheduleChanged, ScheduleChangeError> {
        self.ensure_open()?;
        let ScheduleChange { name, seen, value, runs } = change;
        let (answer, news) = transact!(self, begin, tx => {
            let mut news = News::default();
            // Under the lock of the counter, so that no reader sees a later revision and then an earlier one.
            let rows = tx.query("UPDATE @counter SET n = n + 1 WHERE name = 'schedule' RETURNING n", &[]).await?;
            let next: i64 = rows.first().map_or(Ok(2), |row| row.try_get(0))?;
            let row = tx
                .query_opt("SELECT revision FROM @schedule WHERE name = $1 AND value IS NOT NULL", &[&name.as_str()])
                .await?;
            let there = row.map(|row| row.try_get::<i64>(0)).transpose()?.map(|revision| revision as u64);
            if there != *seen {
                return Ok((Err(there), news));
            }
            let value = value.as_deref();
            tx.execute(
                "INSERT INTO @schedule (name, revision, value) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, value = excluded.value",
                &[&name.as_str(), &next, &value],
            ).await?;
            let runs = self.insert_in(&tx, self.now(), runs, &mut news).await?;
            Ok((Ok(ScheduleChanged { revision: next as u64, runs }), news))
        })?;
        match answer {
            Ok(changed) => {
                News { schedules: true, ..news }.tell(self);
                Ok(changed)
            }
            Err(revision) => Err(ScheduleChangeError::Conflict { name: name.clone(), revision }),
        }
    }

    pub(crate) async fn get_schedule(&self, name: ScheduleName) -> Result<Option<ScheduleRow>, StoreError> {
        self.ensure_open()?;
        let session = self.session().await?;
        let row = session
            .query_opt("SELECT revision, value FROM @schedule WHERE name = $1 AND value IS NOT NULL", &[&name.as_str()])
            .await
            .map_err(Fault::into_store)?;
        Ok(row.map(|row| {
            let (revision, value): (i64, &[u8]) = (row.get(0), row.get(1));
            ScheduleRow { name, revision: revision as u64, value: value.into() }
        }))
    }

    /// What changed after `seen`; `None`: nothing.
    pub(crate) async fn schedules_once(&self, seen: u64) -> Result<Option<ScheduleChanges>, StoreError> {
        let session = self.session().await?;
        let rows = session
            .query(
                "SELECT c.n, s.name, s.revision, s.value FROM @counter c LEFT JOIN @schedule s ON s.revision > $1 \
                 WHERE c.name = 'schedule' AND c.n > $1 ORDER BY s.name",
                &[&(seen as i64)],
            )
            .await
            .map_err(Fault::into_store)?;
        drop(session);
        let mut schedules = ScheduleChanges::default();
        for row in &rows {
            schedules.position = row.get::<i64>(0) as u64;
            let Some(name) = row.get::<Option<&str>>(1) else { continue };
            let name = ScheduleName::new(name)
                .map_err(|error| StoreError::from(Damage::of(format!("the schedule `{name}`"), error.to_string())))?;
            match row.get::<Option<&[u8]>>(3) {
                Some(value) => {
                    let revision = row.get::<i64>(2) as u64;
                    schedules.changed.push(ScheduleRow { name, revision, value: value.into() });
                }
                None => schedules.removed.push(name),
            }
        }
        let is_news = !schedules.changed.is_empty() || !schedules.removed.is_empty() || seen == 0;
        Ok((!rows.is_empty() && is_news).then_some(schedules))
    }
}
