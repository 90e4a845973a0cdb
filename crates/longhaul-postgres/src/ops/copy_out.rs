//! Everything that the store holds, for another store.

use std::collections::{BTreeMap, HashMap};

use longhaul_core::{
    Key, Kind, LogPage, RunId, ScheduleName, StoreError, Timestamp,
    name::NameError,
    record::{Damage, read_bucket, read_log},
    store::{
        ScheduleRow,
        copy::{CopiedRun, CopyCursor, CopyItem, CopyPage, RemovedKey},
    },
};

use super::{
    admission::{bucket_of, read_controls},
    log::key,
};
use crate::{
    error::Fault,
    handle::Inner,
    id::{Uuid, uuids},
    row::{self, columns, state_of},
    session::Session,
};

/// Runs on a page: with values as large as they may be, a few hundred MiB.
const RUNS: i64 = 64;
/// Unique keys on a page.
const KEYS: i64 = 1000;

const RUNS_FROM: &str = concat!(
    "SELECT ",
    columns!(),
    ", e.position FROM @run r LEFT JOIN @end_page e ON e.id = r.page WHERE r.id >= $1 ORDER BY r.id LIMIT $2"
);

impl Inner {
    pub(crate) async fn copy_out(&self, from: Option<CopyCursor>) -> Result<CopyPage, StoreError> {
        self.ensure_open()?;
        match from {
            None => {
                // What SQL has enqueued becomes runs, and what ended gets its position.
                self.take_enqueued().await?;
                self.refuse_left_enqueued().await?;
                self.expire_deadlines().await?;
                self.number_ends().await?;
                let session = self.session().await?;
                self.settings(&session).await.map_err(Fault::into_store)
            }
            Some(CopyCursor::RunsAfter(after)) => {
                let session = self.session().await?;
                runs_after(&session, after).await.map_err(Fault::into_store)
            }
            Some(CopyCursor::KeysAfter(after)) => {
                let session = self.session().await?;
                keys_after(&session, self.now(), after).await.map_err(Fault::into_store)
            }
        }
    }

    /// Rows that no server could take in would be lost.
    async fn refuse_left_enqueued(&self) -> Result<(), StoreError> {
        let session = self.session().await?;
        let left = session.query_opt("SELECT refused FROM @enqueued WHERE refused IS NOT NULL LIMIT 1", &[]).await;
        let Some(row) = left.map_err(Fault::into_store)? else { return Ok(()) };
        let why: String = row.try_get(0).map_err(|error| Fault::from(error).into_store())?;
        Err(StoreError::Broken {
            reason: format!("the table `enqueued` has rows that cannot become runs: {why}").into(),
            remedy: "Correct these rows and set `refused` to NULL, or delete them; then copy again".into(),
        })
    }

    async fn settings(&self, session: &Session) -> Result<CopyPage, Fault> {
        let query = "SELECT name, value FROM @schedule WHERE value IS NOT NULL";
        let mut schedules = BTreeMap::new();
        for row in session.query(query, &[]).await? {
            let name: &str = row.try_get(0)?;
            let name = ScheduleName::new(name).map_err(damaged(format!("the schedule `{name}`")))?;
            schedules.insert(name.clone(), ScheduleRow { name, revision: 0, value: row.try_get::<&[u8]>(1)?.into() });
        }
        let (now, mut starts) = (self.now(), BTreeMap::new());
        let query = "SELECT name, value FROM @bucket WHERE idle > $1";
        for row in session.query(query, &[&now.as_micros()]).await? {
            let bucket = bucket_of(row.try_get(0)?)?;
            starts.extend(read_bucket(row.try_get(1)?, now).map(|starts| (bucket, starts)));
        }
        let removed = session.query_opt("SELECT n FROM @counter WHERE name = 'removed'", &[]).await?;
        let removed = removed.map(|row| row.try_get::<i64>(0)).transpose()?.unwrap_or_default();
        let (controls, kinds) = (read_controls(session).await?, self.kinds().await?);
        Ok(CopyPage::of_settings(now, &controls, schedules.into_values(), kinds, &starts, removed as u64))
    }
}

fn damaged(what: impl Into<String>) -> impl FnOnce(NameError) -> Damage {
    move |error| Damage::of(what.into(), error.to_string())
}

async fn runs_after(session: &Session, after: Option<RunId>) -> Result<CopyPage, Fault> {
    let next = after.map(|id| u128::from_be_bytes(*id.as_bytes()).checked_add(1));
    let Some(first) = next.unwrap_or(Some(0)) else { return Ok(CopyPage::of_runs([], None)) };
    let rows = session.query(RUNS_FROM, &[&Uuid(first.to_be_bytes()), &RUNS]).await?;
    let mut runs = Vec::with_capacity(rows.len());
    for row in &rows {
        let stored = row::read_whole(row)?.stored;
        let end = row.try_get::<Option<i64>>(7)?.filter(|_| stored.run.state.is_final());
        // A final run without a position is on a page with a negative one.
        let end = end.and_then(|position| u64::try_from(position).ok());
        runs.push((stored, end));
    }
    let last = runs.last().map(|(stored, _)| stored.run.id).filter(|_| runs.len() as i64 == RUNS);
    let mut logs = read_logs(session, runs.iter().map(|(stored, _)| stored.run.id)).await?;
    let runs = runs.into_iter().map(|(stored, end)| {
        let log = logs.remove(&stored.run.id).unwrap_or_default();
        CopiedRun::new(stored, end, log)
    });
    Ok(CopyPage::of_runs(runs, last))
}

async fn read_logs(
    session: &Session,
    runs: impl Iterator<Item = RunId>,
) -> Result<HashMap<RunId, Vec<(u32, LogPage)>>, Fault> {
    let rows = "SELECT run, attempt, page, body FROM @log_page WHERE run = ANY($1)";
    let mut pages: HashMap<RunId, Vec<(u32, LogPage)>> = HashMap::new();
    for row in &session.query(rows, &[&uuids(runs)]).await? {
        let id = row.try_get::<Uuid>(0)?.run();
        let at = (row.try_get::<i16>(1)? as u8, row.try_get::<i16>(2)? as u8);
        let (attempt, page) = read_log(&key(id, at), row.try_get(3)?)?;
        pages.entry(id).or_default().push((attempt.0, page));
    }
    Ok(pages)
}

async fn keys_after(session: &Session, now: Timestamp, after: Option<(Kind, Key)>) -> Result<CopyPage, Fault> {
    let (kind, key) = after.as_ref().map_or(("", ""), |(kind, key)| (kind.as_str(), key.as_str()));
    let rows = session
        .query(
            "SELECT kind, key, run, state, until FROM @unique_key \
             WHERE until > $3 AND (kind COLLATE \"C\", key COLLATE \"C\") > ($1, $2) \
             ORDER BY kind COLLATE \"C\", key COLLATE \"C\" LIMIT $4",
            &[&kind, &key, &now.as_micros(), &KEYS],
        )
        .await?;
    let mut page = CopyPage::default();
    for row in &rows {
        let (kind, key): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        let number = row.try_get::<Option<i16>>(3)?;
        let state = number.and_then(state_of);
        let what = || format!("the unique key `{key}`");
        page.items.push(CopyItem::Key(RemovedKey {
            kind: Kind::new(kind).map_err(damaged(what()))?,
            key: Key::new(key).map_err(damaged(what()))?,
            run: row.try_get::<Uuid>(2)?.run(),
            state: state.ok_or_else(|| Damage::of(what(), format!("the state of its run is {number:?}")))?,
            until: Timestamp::from_micros(row.try_get(4)?),
        }));
    }
    let last = page.items.last().filter(|_| rows.len() as i64 == KEYS);
    page.next = last.and_then(|last| match last {
        CopyItem::Key(last) => Some(CopyCursor::KeysAfter(Some((last.kind.clone(), last.key.clone())))),
        _ => None,
    });
    Ok(page)
}
