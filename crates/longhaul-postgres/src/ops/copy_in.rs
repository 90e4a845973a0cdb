//! What another store held is kept here as it was.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
};

use longhaul_core::{
    Epoch, Key, Kind, StateKind, StoreError, StoredRun, Timestamp,
    counts::Statistics,
    log::place,
    record::{write_bucket, write_control, write_kind, write_log},
    store::copy::{CopiedRun, CopyItem, RemovedKey},
};

use super::{
    admission::{bucket_name, scope_name},
    log::key,
};
use crate::{
    added_counts::{ADD_COUNTS, Counts},
    change::News,
    error::Fault,
    families,
    handle::Inner,
    id::Uuid,
    row::{Rows, Written, state_number},
    session::{Param, Step, Tx, transact},
};

/// Values that are sent with one statement, in bytes, unless one run has more.
const SENT: usize = 8 << 20;

const ALL: Written = Written { all: true, execution_metadata: true, ended: true };

impl Inner {
    pub(crate) async fn copy_in(&self, mut items: Vec<CopyItem>) -> Result<usize, StoreError> {
        self.ensure_open()?;
        let now = self.now();
        for item in &mut items {
            if let CopyItem::Run(copied) = item {
                copied.stored.interrupt(now, "it was copied while it ran");
            }
        }
        let added = transact!(self, begin, tx => {
            let (mut added, mut runs, mut size) = (0, Vec::new(), 0);
            for item in &items {
                let CopyItem::Run(run) = item else {
                    added += usize::from(self.copy_setting(&tx, item).await?);
                    continue;
                };
                size += size_of(run);
                runs.push(&**run);
                if size >= SENT {
                    added += self.copy_runs(&tx, now, &std::mem::take(&mut runs)).await?;
                    size = 0;
                }
            }
            Ok(added + self.copy_runs(&tx, now, &runs).await?)
        })?;
        News { claims: true, ended: true, schedules: true, ..News::default() }.tell(self);
        Ok(added)
    }

    /// Whether it was added.
    async fn copy_setting(&self, tx: &Tx, item: &CopyItem) -> Result<bool, Fault> {
        let added = match item {
            CopyItem::Control(scope, control) => {
                let name = scope_name(scope);
                tx.execute("UPDATE @gate SET controls_revision = controls_revision + 1 WHERE id = 1", &[]).await?;
                tx.execute(
                    "INSERT INTO @control (scope, value) VALUES ($1, $2) ON CONFLICT (scope) DO NOTHING",
                    &[&name, &write_control(name.as_bytes(), control)],
                )
                .await?
            }
            CopyItem::Schedule(name, value) => {
                let rows = tx.query("UPDATE @counter SET n = n + 1 WHERE name = 'schedule' RETURNING n", &[]).await?;
                let revision: i64 = rows.first().map_or(Ok(2), |row| row.try_get(0))?;
                tx.execute(
                    "INSERT INTO @schedule AS s (name, revision, value) VALUES ($1, $2, $3) \
                     ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, value = excluded.value \
                     WHERE s.value IS NULL",
                    &[&name.as_str(), &revision, &&**value],
                )
                .await?
            }
            CopyItem::Kind(kind) => {
                tx.execute(
                    "INSERT INTO @kind (name, version, value) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
                    &[&kind.kind.as_str(), &i32::from(kind.version), &write_kind(kind)],
                )
                .await?
            }
            CopyItem::Starts(bucket, starts) => {
                tx.execute(
                    "INSERT INTO @bucket (name, idle, value) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
                    &[&bucket_name(bucket), &starts.idle_at().as_micros(), &write_bucket(starts)],
                )
                .await?
            }
            CopyItem::RemovedEnds(position) => {
                let position = *position as i64;
                reach(tx, position).await?;
                tx.execute("UPDATE @counter SET n = $1 WHERE name = 'removed' AND n < $1", &[&position]).await?
            }
            CopyItem::Key(RemovedKey { kind, key, run, state, until }) => {
                tx.execute(
                    "INSERT INTO @unique_key (kind, key, run, until, state) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (kind, key) DO NOTHING",
                    &[&kind.as_str(), &key.as_str(), &Uuid::from(*run), &until.as_micros(), &state_number(*state)],
                )
                .await?
            }
            CopyItem::Run(_) => unreachable!("runs are copied together"),
        };
        Ok(added > 0)
    }

    /// How many were not there yet.
    async fn copy_runs(&self, tx: &Tx, now: Timestamp, copied: &[&CopiedRun]) -> Result<usize, Fault> {
        let mut stored: Vec<Cow<'_, StoredRun>> = copied.iter().map(|copied| Cow::Borrowed(&copied.stored)).collect();
        let turns = self.copied_turns(tx, &mut stored).await?;
        let lanes = self.lanes.of_all(stored.iter().map(|stored| &stored.run))?;
        let (mut rows, mut pages) = (Rows::default(), EndPages::default());
        for ((copied, stored), lane) in copied.iter().zip(&stored).zip(lanes) {
            rows.push(lane, stored, pages.of(copied), 0, ALL);
        }
        let added: HashSet<Uuid> = rows.insert(tx).await?.into_iter().collect();
        let added: Vec<&CopiedRun> =
            copied.iter().copied().filter(|copied| added.contains(&copied.stored.run.id.into())).collect();
        pages.write(tx, &added).await?;
        turns.write(tx).await?;
        write_logs(tx, &added).await?;
        families::copied(tx, &added.iter().map(|copied| &copied.stored.run).collect::<Vec<_>>()).await?;
        take_keys(tx, now, added.iter().map(|copied| &copied.stored)).await?;
        // What happened in each minute is not copied.
        let mut statistics = Statistics::default();
        for copied in &added {
            let run = &copied.stored.run;
            statistics.record(now, run, None, Some(run.state.kind()));
        }
        if let Some(counts) = Counts::of(&statistics).runs() {
            tx.execute(ADD_COUNTS, &counts).await?;
        }
        Ok(added.len())
    }
}

fn size_of(copied: &CopiedRun) -> usize {
    let StoredRun { metadata, initial, execution_metadata, .. } = &copied.stored;
    let values = [Some(metadata), initial.as_ref(), execution_metadata.as_ref()];
    let values: usize = values.into_iter().flatten().map(|value| value.as_bytes().len()).sum();
    values + 4096
}

/// Ends that are kept from now on come after this position.
async fn reach(tx: &Tx, position: i64) -> Result<(), Fault> {
    tx.execute("UPDATE @counter SET n = $1 WHERE name = 'ended' AND n < $1", &[&position]).await?;
    Ok(())
}

/// The page of an end that has no position: it is not among the ends, and is removed as all others.
const NO_POSITION: i64 = -1;

/// The pages of ends that are copied together.
#[derive(Default)]
struct EndPages(BTreeMap<(i64, StateKind, Kind, Timestamp), Uuid>);

impl EndPages {
    fn key(copied: &CopiedRun) -> Option<(i64, StateKind, Kind, Timestamp)> {
        let run = &copied.stored.run;
        let position = copied.end.map_or(NO_POSITION, |position| position as i64);
        run.state.is_final().then(|| (position, run.state.kind(), run.kind.clone(), run.since))
    }

    fn of(&mut self, copied: &CopiedRun) -> Option<Uuid> {
        Some(*self.0.entry(Self::key(copied)?).or_insert_with(Uuid::fresh))
    }

    async fn write(&self, tx: &Tx, added: &[&CopiedRun]) -> Result<(), Fault> {
        let mut runs: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        for copied in added {
            if let Some(page) = Self::key(copied).and_then(|key| self.0.get(&key)) {
                runs.entry(*page).or_default().push(copied.stored.run.id.into());
            }
        }
        let mut last = NO_POSITION;
        let mut rows = Vec::new();
        for ((position, state, kind, since), page) in &self.0 {
            if let Some(runs) = runs.remove(page) {
                rows.push((*page, *position, kind.as_str(), state_number(*state), since.as_micros(), runs));
                last = last.max(*position);
            }
        }
        let params: Vec<[Param<'_>; 6]> = rows
            .iter()
            .map(|(page, position, kind, state, at, runs)| -> [Param<'_>; 6] {
                [page, position, kind, state, at, runs]
            })
            .collect();
        let steps: Vec<Step<'_>> = params
            .iter()
            .map(|params| {
                let insert = "INSERT INTO @end_page (id, batch, position, kind, state, at, runs) \
                              VALUES ($1, $1, $2, $3, $4, $5, $6)";
                Step(insert, params)
            })
            .collect();
        if !steps.is_empty() {
            tx.query_all(&steps).await?;
            reach(tx, last).await?;
        }
        Ok(())
    }
}

async fn write_logs(tx: &Tx, added: &[&CopiedRun]) -> Result<(), Fault> {
    let (mut runs, mut attempts, mut pages, mut bodies) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for copied in added {
        let id = copied.stored.run.id;
        for (attempt, page) in &copied.log {
            let at = place(*attempt, page.number);
            runs.push(Uuid::from(id));
            attempts.push(i16::from(at.0));
            pages.push(i16::from(at.1));
            bodies.push(write_log(&key(id, at), Epoch(*attempt), page.clone()));
        }
    }
    if !runs.is_empty() {
        tx.execute(
            "INSERT INTO @log_page (run, attempt, page, body) \
             SELECT * FROM unnest($1::uuid[], $2::int2[], $3::int2[], $4::bytea[]) ON CONFLICT DO NOTHING",
            &[&runs, &attempts, &pages, &bodies],
        )
        .await?;
    }
    Ok(())
}

/// Runs take the unique keys that they hold; one that was removed from this store before takes back its own.
async fn take_keys(tx: &Tx, now: Timestamp, runs: impl Iterator<Item = &StoredRun>) -> Result<(), Fault> {
    let mut held: BTreeMap<(&Kind, &Key), Uuid> = BTreeMap::new();
    for StoredRun { run, .. } in runs {
        if let Some(unique) = run.constraints().unique.as_ref().filter(|unique| unique.holds(now, run)) {
            held.insert((&run.kind, &unique.key), run.id.into());
        }
    }
    if held.is_empty() {
        return Ok(());
    }
    let kinds: Vec<&str> = held.keys().map(|(kind, _)| kind.as_str()).collect();
    let keys: Vec<&str> = held.keys().map(|(_, key)| key.as_str()).collect();
    let runs: Vec<Uuid> = held.values().copied().collect();
    tx.execute(
        "INSERT INTO @unique_key AS k (kind, key, run) SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]) \
         ON CONFLICT (kind, key) DO UPDATE SET until = NULL, state = NULL WHERE k.run = excluded.run",
        &[&kinds, &keys, &runs],
    )
    .await?;
    Ok(())
}
