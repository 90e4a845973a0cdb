//! Raw SQL with nothing around it: one connection, one table, statements one after the other.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use bench_harness::{Contender, Measured, Order, Pace, Scenario, record, scenario, stats};
use postgres_probe::{connect, counters, url};
use tokio_postgres::{Client, Statement, binary_copy::BinaryCopyInWriter, types::Type};
use uuid::Uuid;

use super::{COPY, FLOOR};

/// Rows in one statement of a drain: what the store of longhaul puts into one.
const BATCH: usize = 256;

/// Batched inserts, and batched updates that compare and swap.
pub(crate) struct Floor;

/// Inserts as a stream.
pub(crate) struct Copy;

pub(super) const DURABILITY: &str = "power loss: COMMIT";

impl Contender for Floor {
    fn name(&self) -> &'static str {
        FLOOR
    }

    fn durability(&self) -> &'static str {
        DURABILITY
    }

    fn scenarios(&self) -> Vec<Scenario> {
        use Scenario as S;
        vec![S::Enqueue64, S::Bulk, S::Drain16, S::Drain64, S::StartLatency, S::Checkpoint, S::Checkpoint64]
    }

    fn measure(&self, order: &Order) -> Result<Measured> {
        block_on(async {
            let raw = Raw::open().await?;
            match order.scenario {
                Scenario::Enqueue64 => raw.insert_all(order, scenario::CALLERS).await,
                Scenario::Bulk => raw.insert_all(order, scenario::BULK).await,
                Scenario::Drain16 | Scenario::Drain64 => raw.drain(order).await,
                Scenario::StartLatency => raw.single(order, true).await,
                Scenario::Checkpoint => raw.single(order, false).await,
                Scenario::Checkpoint64 => raw.checkpoints(order).await,
                other => bail!("there is no floor for {other}"),
            }
        })
    }
}

impl Contender for Copy {
    fn name(&self) -> &'static str {
        COPY
    }

    fn durability(&self) -> &'static str {
        DURABILITY
    }

    fn scenarios(&self) -> Vec<Scenario> {
        vec![Scenario::Bulk]
    }

    fn measure(&self, order: &Order) -> Result<Measured> {
        block_on(async {
            let raw = Raw::open().await?;
            let copy = raw.client.prepare("COPY raw (id, due, rec, meta) FROM STDIN BINARY").await?;
            let types = [Type::UUID, Type::INT8, Type::BYTEA, Type::BYTEA];
            let calls = rows(order.count, scenario::BULK);
            let before = counters().await?;
            let pace = Pace::start(order);
            let mut done = 0;
            for rows in calls.iter().take_while(|_| !pace.over()) {
                let mut writer = pin!(BinaryCopyInWriter::new(raw.client.copy_in(&copy).await?, &types));
                for at in 0..rows.ids.len() {
                    writer.as_mut().write(&[&rows.ids[at], &0_i64, &rows.recs[at], &rows.metas[at]]).await?;
                }
                writer.finish().await?;
                done += rows.ids.len();
            }
            counted(&before, pace.stop(done)).await
        })
    }
}

pub(super) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(future)
}

async fn counted(before: &[(&'static str, f64)], mut measured: Measured) -> Result<Measured> {
    let done = measured.also["done"].max(1.0);
    for ((name, after), (_, before)) in counters().await?.into_iter().zip(before) {
        measured = measured.and(name, (after - before) / done);
    }
    Ok(measured)
}

/// What a run is at least: a record, its metadata, and a time at which it is due, by an index.
const TABLE: &str = "\
    CREATE TABLE raw (id uuid PRIMARY KEY, due int8, state int2 NOT NULL DEFAULT 0, epoch int8 NOT NULL DEFAULT 0, \
        rec bytea NOT NULL, meta bytea NOT NULL, exec bytea, ended bytea) \
    WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, \
        autovacuum_vacuum_cost_delay = 0); \
    CREATE INDEX ON raw (due, id) WHERE due IS NOT NULL";

const INSERT: &str = "\
    INSERT INTO raw (id, due, rec, meta) SELECT i, 0, r, m FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) s(i, r, m)";

const CLAIM: &str = "\
    UPDATE raw r SET due = NULL, state = 1, epoch = 1, rec = s.rec FROM unnest($1::uuid[], $2::bytea[]) s(id, rec) \
    WHERE r.id = s.id AND r.epoch = 0";

const END: &str = "\
    UPDATE raw r SET state = 4, rec = s.rec, ended = '\\x000102030405060708090a0b0c0d0e0f1011121314151617' \
    FROM unnest($1::uuid[], $2::bytea[]) s(id, rec) WHERE r.id = s.id AND r.epoch = 1";

const CHECKPOINT: &str = "\
    UPDATE raw r SET rec = s.rec, exec = s.exec FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) s(id, rec, exec) \
    WHERE r.id = s.id AND r.epoch = 0";

const CHECKPOINT_ONE: &str = "UPDATE raw SET rec = $2, exec = $3 WHERE id = $1 AND epoch = 0";

pub(super) struct Raw {
    pub(super) client: Client,
}

#[derive(Default)]
pub(super) struct Rows {
    pub(super) ids: Vec<Uuid>,
    pub(super) recs: Vec<Vec<u8>>,
    pub(super) metas: Vec<Vec<u8>>,
}

/// Rows of 110 bytes of record and 100 of metadata, with ids that grow with time.
pub(super) fn rows(count: usize, batch: usize) -> Vec<Rows> {
    let mut calls = Vec::new();
    for first in (0..count).step_by(batch) {
        let mut rows = Rows::default();
        for n in first..count.min(first + batch) {
            let (key, value) = record(0, n as u64);
            let mut id: [u8; 16] = key[1..].try_into().expect("16 bytes of the 17");
            id[6] = 0x70;
            rows.ids.push(Uuid::from_bytes(id));
            rows.recs.push(value[..110].to_vec());
            rows.metas.push(value[..100].to_vec());
        }
        calls.push(rows);
    }
    calls
}

impl Raw {
    pub(super) async fn open() -> Result<Self> {
        let client = connect(&url()?).await?;
        client.batch_execute(TABLE).await?;
        // As in the store: these plans hold on an empty table and on a large one.
        client
            .batch_execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off")
            .await?;
        Ok(Self { client })
    }

    async fn insert_all(&self, order: &Order, batch: usize) -> Result<Measured> {
        let insert = self.client.prepare(INSERT).await?;
        let calls = rows(order.count, batch);
        let before = counters().await?;
        let pace = Pace::start(order);
        let mut done = 0;
        for rows in calls.iter().take_while(|_| !pace.over()) {
            self.client.execute(&insert, &[&rows.ids, &rows.recs, &rows.metas]).await?;
            done += rows.ids.len();
        }
        counted(&before, pace.stop(done)).await
    }

    async fn drain(&self, order: &Order) -> Result<Measured> {
        let (insert, claim, end) =
            (self.client.prepare(INSERT).await?, self.client.prepare(CLAIM).await?, self.client.prepare(END).await?);
        let calls = rows(order.count, BATCH);
        for rows in &calls {
            self.client.execute(&insert, &[&rows.ids, &rows.recs, &rows.metas]).await?;
        }
        let before = counters().await?;
        let pace = Pace::start(order);
        let mut done = 0;
        for rows in calls.iter().take_while(|_| !pace.over()) {
            for statement in [&claim, &end] {
                let changed = self.client.execute(statement, &[&rows.ids, &rows.recs]).await?;
                ensure!(changed == rows.ids.len() as u64, "{changed} of {} rows were changed", rows.ids.len());
            }
            done += rows.ids.len();
        }
        counted(&before, pace.stop(done)).await
    }

    /// One commit after the other: of a new row after a pause, or of a change of one row.
    async fn single(&self, order: &Order, idle: bool) -> Result<Measured> {
        let insert = self.client.prepare(INSERT).await?;
        let update = self.client.prepare(CHECKPOINT_ONE).await?;
        let calls = rows(order.count + 1, 1);
        self.client.execute(&insert, &[&calls[0].ids, &calls[0].recs, &calls[0].metas]).await?;
        let mut samples = Vec::with_capacity(order.count);
        let pace = Pace::start(order);
        for rows in calls[1..].iter().take_while(|_| !pace.over()) {
            if idle {
                tokio::time::sleep(scenario::PAUSE).await;
            }
            let called = Instant::now();
            if idle {
                self.client.execute(&insert, &[&rows.ids, &rows.recs, &rows.metas]).await?;
            } else {
                self.update_one(&update, calls[0].ids[0], samples.len(), &rows.recs[0]).await?;
            }
            samples.push(called.elapsed());
        }
        let samples: Vec<Duration> = samples;
        Ok(stats::latency(&samples))
    }

    async fn update_one(&self, update: &Statement, id: Uuid, n: usize, rec: &[u8]) -> Result<()> {
        let exec = bench_harness::payload::checkpoint(n as u64);
        let changed = self.client.execute(update, &[&id, &rec, &exec]).await?;
        ensure!(changed == 1, "the row is not there");
        Ok(())
    }

    async fn checkpoints(&self, order: &Order) -> Result<Measured> {
        let (insert, update) = (self.client.prepare(INSERT).await?, self.client.prepare(CHECKPOINT).await?);
        let rows = rows(scenario::CALLERS, scenario::CALLERS).remove(0);
        self.client.execute(&insert, &[&rows.ids, &rows.recs, &rows.metas]).await?;
        // For queues the count is that of each run.
        let order = Order { count: order.count * scenario::CALLERS, ..order.clone() };
        let before = counters().await?;
        let pace = Pace::start(&order);
        let mut done = 0;
        while pace.take(scenario::CALLERS).is_some() {
            let exec = bench_harness::payload::checkpoint(done as u64);
            let execs = vec![exec; scenario::CALLERS];
            self.client.execute(&update, &[&rows.ids, &rows.recs, &execs]).await?;
            done += scenario::CALLERS;
        }
        counted(&before, pace.stop(done)).await
    }
}
