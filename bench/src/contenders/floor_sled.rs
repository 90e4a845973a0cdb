//! sled with nothing around it: one tree, one thread, batches of records.

use std::{
    fs::File,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bench_harness::{Contender, Measured, Order, Pace, Scenario, machine, record, scenario, stats};
use sled::{Batch, Db};

/// Keys a batch while filling: larger batches make sled's memory and disk explode.
const FILL_BATCH: usize = 256;

/// Prefixes of the keys.
const FINAL: u8 = b'f';
const WAITING: u8 = b'w';

pub(crate) struct FloorSled {
    pub(crate) name: &'static str,
    durability: &'static str,
    fdatasync: bool,
}

impl FloorSled {
    pub(crate) const POWER: Self =
        Self { name: "floor-sled", durability: "power loss: sled flush + fdatasync of its file", fdatasync: true };

    pub(crate) const PROCESS: Self = Self {
        name: "floor-sled-flush",
        durability: "process death only: sled flush, which is sync_file_range",
        fdatasync: false,
    };
}

impl Contender for FloorSled {
    fn name(&self) -> &'static str {
        self.name
    }

    fn durability(&self) -> &'static str {
        self.durability
    }

    fn scenarios(&self) -> Vec<Scenario> {
        // What ends as records in batches has its floor in batches; what waits for one commit, in one commit.
        let mut scenarios = vec![
            Scenario::Enqueue1,
            Scenario::Enqueue64,
            Scenario::StartLatency,
            Scenario::Checkpoint,
            Scenario::Checkpoint64,
        ];
        if self.fdatasync {
            scenarios.extend([
                Scenario::Bulk,
                Scenario::Drain16,
                Scenario::Drain64,
                Scenario::Open,
                Scenario::Flat1k,
                Scenario::Flat1m,
            ]);
        }
        scenarios
    }

    fn fill(&self, order: &Order) -> Result<()> {
        let db = sled::open(&order.dir)?;
        for (prefix, count) in [(FINAL, order.finals), (WAITING, order.waiting)] {
            for first in (0..count).step_by(FILL_BATCH) {
                db.apply_batch(batch(prefix, first, FILL_BATCH.min(count - first)))?;
            }
        }
        db.flush()?;
        // Else the first commit that is measured would pay for all of this.
        File::open(order.dir.join("db"))?.sync_data()?;
        Ok(())
    }

    fn measure(&self, order: &Order) -> Result<Measured> {
        match order.scenario {
            Scenario::Open => open(order),
            Scenario::Enqueue1 | Scenario::StartLatency | Scenario::Checkpoint => self.single(order),
            _ => self.batched(order),
        }
    }
}

impl FloorSled {
    fn batched(&self, order: &Order) -> Result<Measured> {
        let mut order = order.clone();
        if order.scenario == Scenario::Checkpoint64 {
            // For queues the count is that of each run.
            order.count *= scenario::CALLERS;
        }
        let sled = Sled::open(&order.dir, self.fdatasync)?;
        let pace = Pace::start(&order);
        let mut done = 0;
        while pace.take(scenario::CALLERS).is_some() {
            sled.commit(batch(WAITING, done, scenario::CALLERS))?;
            done += scenario::CALLERS;
        }
        Ok(pace.stop(done))
    }

    fn single(&self, order: &Order) -> Result<Measured> {
        let sled = Sled::open(&order.dir, self.fdatasync)?;
        let idle = order.scenario == Scenario::StartLatency;
        let pace = Pace::start(order);
        let mut samples = Vec::with_capacity(order.count);
        while pace.take(1).is_some() {
            if idle {
                thread::sleep(scenario::PAUSE);
            }
            let called = Instant::now();
            sled.commit(batch(WAITING, samples.len(), 1))?;
            samples.push(called.elapsed());
        }
        let rate = pace.stop(samples.len());
        let each = stats::latency(&samples);
        Ok(if order.scenario == Scenario::Enqueue1 { rate.and("p50_us", each.value) } else { each })
    }
}

/// A durable commit as an async program has it: asked for by a task, made on a thread that may block, and told to another
/// task.
pub(crate) struct FloorHandoff;

impl Contender for FloorHandoff {
    fn name(&self) -> &'static str {
        "floor-handoff"
    }

    fn durability(&self) -> &'static str {
        "power loss: floor-sled on a thread of its own, asked by one task and answered to another"
    }

    fn scenarios(&self) -> Vec<Scenario> {
        vec![Scenario::StartLatency]
    }

    fn measure(&self, order: &Order) -> Result<Measured> {
        let sled = Sled::open(&order.dir, true)?;
        let (ask, asked) = std::sync::mpsc::channel::<Batch>();
        let (answer, mut answered) = tokio::sync::mpsc::unbounded_channel();
        let committer = thread::spawn(move || -> Result<()> {
            while let Ok(batch) = asked.recv() {
                sled.commit(batch)?;
                answer.send(())?;
            }
            Ok(())
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let samples = runtime.block_on(async {
            let (started, mut starts) = tokio::sync::mpsc::unbounded_channel();
            tokio::spawn(async move { while answered.recv().await.is_some() && started.send(Instant::now()).is_ok() {} });
            let pace = Pace::start(order);
            let mut samples = Vec::with_capacity(order.count);
            while pace.take(1).is_some() {
                tokio::time::sleep(scenario::PAUSE).await;
                let called = Instant::now();
                ask.send(batch(WAITING, samples.len(), 1))?;
                let Some(started) = starts.recv().await else { break };
                samples.push(started - called);
            }
            drop(ask);
            anyhow::Ok(samples)
        })?;
        committer.join().expect("the committer does not panic")?;
        Ok(stats::latency(&samples))
    }
}

struct Sled {
    db: Db,
    /// A second handle on sled's file: `fdatasync` is per file, so it covers what sled wrote through its own.
    file: Option<File>,
}

impl Sled {
    fn open(dir: &Path, fdatasync: bool) -> Result<Self> {
        let db = sled::open(dir)?;
        let file = fdatasync.then(|| File::open(dir.join("db"))).transpose()?;
        Ok(Self { db, file })
    }

    fn commit(&self, batch: Batch) -> Result<()> {
        self.db.apply_batch(batch)?;
        self.db.flush()?;
        if let Some(file) = &self.file {
            file.sync_data()?;
        }
        Ok(())
    }
}

fn open(order: &Order) -> Result<Measured> {
    let disk = machine::disk_bytes(&order.dir);
    let before = machine::resident_bytes().unwrap_or_default();
    let resident = || machine::resident_bytes().unwrap_or_default().saturating_sub(before) as f64 / 1e6;
    let called = Instant::now();
    let db = sled::open(&order.dir)?;
    let opened = called.elapsed();
    let after_open = resident();
    // What every store on sled has to do as well: read the runs that wait.
    let called = Instant::now();
    let waiting = db.scan_prefix([WAITING]).try_fold(0, |count, entry| entry.map(|_| count + 1))?;
    let scanned: Duration = called.elapsed();
    ensure!(waiting == order.waiting, "{waiting} of {} waiting records are there", order.waiting);
    Ok(Measured::of(opened.as_secs_f64())
        .and("rss_mb", after_open)
        .and("scan_s", scanned.as_secs_f64())
        .and("rss_scanned_mb", resident())
        .and("disk_mb", disk as f64 / 1e6))
}

fn batch(prefix: u8, first: usize, count: usize) -> Batch {
    let mut batch = Batch::default();
    for n in first..first + count {
        let (key, value) = record(prefix, n as u64);
        batch.insert(&key, value);
    }
    batch
}
