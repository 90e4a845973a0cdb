//! Runs that SQL has enqueued become runs as all others: every rule of an insert is applied here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::PoisonError,
    time::Duration,
};

use longhaul_core::{
    Actor, Codec, Constraints, Envelope, Key, Kind, Label, NewRun, OnConflict, Priority, Queue, RetryPolicy, ServerId,
    StoreError, Tag, Timestamp, Unique, UniqueScope, run::Due, shape,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    change::News,
    error::Fault,
    handle::Inner,
    id::Uuid,
    session::{ColumnError, Row, Session, transact},
};

/// So many in one transaction.
const BATCH: i64 = 256;

/// What the function has checked; see `migrations/0003_enqueue.sql`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    queue: Option<String>,
    priority: Option<i8>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    unique_key: Option<String>,
    on_conflict: Option<ConflictOption>,
    limit_key: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    timeout: Option<f64>,
    attempts: Option<u32>,
    version: Option<u16>,
    /// Both are in the column `due`.
    #[serde(rename = "delay")]
    _delay: Option<Value>,
    #[serde(rename = "due")]
    _due: Option<Value>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ConflictOption {
    Ignore,
    Replace,
}

impl Inner {
    /// What SQL has enqueued may be claimed by this claim. It looks no more often than for what other servers did.
    pub(crate) async fn before_claim(&self, server: ServerId) -> Result<(), StoreError> {
        self.return_lost_claims(server).await?;
        self.look_if_needed().await?;
        if self.looks_for_enqueued() { self.take_enqueued().await } else { Ok(()) }
    }

    fn looks_for_enqueued(&self) -> bool {
        let now = self.clock.monotonic();
        let mut last = self.enqueued.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.is_none_or(|last| now.saturating_sub(last) >= self.options.poll);
        if is_time {
            *last = Some(now);
        }
        is_time
    }

    /// Takes in what SQL has enqueued since. Of several servers, each run is taken in by one.
    pub(crate) async fn take_enqueued(&self) -> Result<(), StoreError> {
        loop {
            let session = self.session().await?;
            let found = session.query("SELECT 1 FROM @enqueued WHERE refused IS NULL ORDER BY ord LIMIT 1", &[]).await;
            drop(session);
            if found.map_err(Fault::into_store)?.is_empty() {
                return Ok(());
            }
            let news = transact!(self, begin, tx => {
                let rows = tx
                    .query(
                        "DELETE FROM @enqueued WHERE id IN \
                            (SELECT id FROM @enqueued WHERE refused IS NULL ORDER BY ord LIMIT $1 FOR UPDATE) \
                         RETURNING id, ord, kind, metadata::text, options::text, \
                            (extract(epoch FROM due) * 1e6)::int8, by",
                        &[&BATCH],
                    )
                    .await?;
                let (mut news, mut runs) = (News::default(), Vec::new());
                let versions = versions(&tx, &rows).await?;
                for row in &rows {
                    match read(row, &versions) {
                        Ok(run) => runs.push((row.try_get::<i64>(1)?, run)),
                        Err(why) => refuse(&tx, row, &why).await?,
                    }
                }
                runs.sort_unstable_by_key(|(ord, _)| *ord);
                let runs: Vec<NewRun> = runs.into_iter().map(|(_, run)| run).collect();
                for (run, answer) in runs.iter().zip(self.insert_in(&tx, self.now(), &runs, &mut news).await?) {
                    if let Err(refused) = answer {
                        tracing::debug!(id = %run.id, kind = %run.kind, %refused, "a run of SQL was not enqueued");
                    }
                }
                Ok(news)
            })?;
            news.tell(self);
        }
    }
}

/// What cannot be read is kept, with the reason, for people to look at. The function lets none through; a row that was
/// written by hand could be one.
async fn refuse(session: &Session, row: &Row, why: &str) -> Result<(), Fault> {
    let id: Uuid = row.try_get(0)?;
    let (kind, metadata, options): (&str, &str, &str) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
    let (due, by): (i64, &str) = (row.try_get(5)?, row.try_get(6)?);
    tracing::warn!(id = %id.run(), kind, why, "a run of SQL cannot be taken in: see the table `enqueued`");
    session
        .execute(
            "INSERT INTO @enqueued (id, kind, metadata, options, due, by, refused) \
             VALUES ($1, $2, $3::text::jsonb, $4::text::jsonb, to_timestamp($5::int8 / 1e6), $6, $7)",
            &[&id, &kind, &metadata, &options, &due, &by, &why],
        )
        .await?;
    Ok(())
}

/// The newest versions of these kinds that a server has said. Whoever writes SQL means that one, unless told otherwise.
async fn versions(session: &Session, rows: &[Row]) -> Result<HashMap<String, u16>, Fault> {
    let kinds = rows.iter().map(|row| row.try_get::<&str>(2)).collect::<Result<Vec<_>, _>>()?;
    let known = session.query("SELECT name, version FROM @kind WHERE name = ANY($1)", &[&kinds]).await?;
    known.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<i32>(1)? as u16))).collect()
}

fn read(row: &Row, versions: &HashMap<String, u16>) -> Result<NewRun, String> {
    let told = |error: ColumnError| error.to_string();
    let id = row.try_get::<Uuid>(0).map_err(told)?.run();
    let kind = Kind::new(row.try_get(2).map_err(told)?).map_err(|error| error.to_string())?;
    let metadata: Value = serde_json::from_str(row.try_get(3).map_err(told)?).map_err(|error| error.to_string())?;
    let options: Options = serde_json::from_str(row.try_get(4).map_err(told)?).map_err(|error| error.to_string())?;
    let due = Timestamp::from_micros(row.try_get(5).map_err(told)?);
    let by = Actor::named(row.try_get(6).map_err(told)?);
    let version = options.version.or_else(|| versions.get(kind.as_str()).copied()).unwrap_or(1);
    let constraints = constraints(&options)?;
    let policy = options.attempts.map_or_else(RetryPolicy::default, |max| RetryPolicy::default().attempts(max));
    policy.check().map_err(|error| error.to_string())?;
    // Whatever codec the code of the kind writes with: a value says itself that it is JSON.
    let metadata = Envelope::encode(&metadata, Codec::Json, version, shape::fingerprint_of::<Value>());
    Ok(NewRun {
        id,
        kind,
        version,
        queue: options.queue.as_deref().map_or_else(|| Ok(Queue::default()), Queue::new).map_err(|e| e.to_string())?,
        priority: Priority(options.priority.unwrap_or_default()),
        tags: options
            .tags
            .iter()
            .map(|(key, value)| Tag::new(key, value))
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?,
        policy,
        timeout: options.timeout.map(Duration::from_secs_f64),
        due: Some(Due::At(due)),
        constraints: (!constraints.is_empty()).then(|| constraints.into()),
        metadata: metadata.map_err(|error| error.to_string())?,
        execution_metadata: None,
        by,
    })
}

fn constraints(options: &Options) -> Result<Constraints, String> {
    let key = |key: &Option<String>| key.as_deref().map(Key::new).transpose().map_err(|error| error.to_string());
    let on_conflict = match options.on_conflict {
        None | Some(ConflictOption::Ignore) => OnConflict::Return,
        Some(ConflictOption::Replace) => OnConflict::Replace { reschedule: true },
    };
    let unique = key(&options.unique_key)?;
    let labels = options.labels.iter().map(|label| Label::new(label));
    let mut requires = labels.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    requires.sort_unstable();
    requires.dedup();
    Ok(Constraints {
        limit_key: key(&options.limit_key)?,
        unique: unique.map(|key| Unique { key, scope: UniqueScope::NotFinal, on_conflict }),
        requires,
        ..Constraints::default()
    })
}
