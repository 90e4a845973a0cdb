//! `graphile_worker` 0.14, with the local queue and the batches of its own benchmark. It deletes what is done.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RefetchDelayConfig, TaskHandler, WorkerContext, WorkerOptions,
    WorkerUtils,
};
use postgres_probe::{connect, counters, is_true, url};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_postgres::Client;

pub(crate) struct Graphile {
    client: Client,
    utils: WorkerUtils,
    worker: Mutex<Option<JoinHandle<Result<()>>>>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Noop(Payload);

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(probe) = context.get_ext::<Probe>() {
            probe.start(self.0.seq);
        }
        Ok::<(), String>(())
    }
}

fn options(connections: u32) -> Result<WorkerOptions> {
    Ok(WorkerOptions::default().database_url(&url()?).max_pg_conn(connections).define_job::<Noop>())
}

impl Queue for Graphile {
    const NAME: &'static str = "graphile_worker";
    const DURABILITY: &'static str =
        "power loss: COMMIT of each call; ends are committed up to 5 ms after the task, and the row is deleted";
    const BULK: bool = true;
    const CHECKPOINTS: bool = false;
    const FILLS: bool = false;

    async fn open(_: &Path) -> Result<Self> {
        // A worker makes the tables, also one that never runs.
        let utils = options(64)?.init().await?.create_utils();
        Ok(Self { client: connect(&url()?).await?, utils, worker: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.utils.add_job(Noop(payload), JobSpec::default()).await?;
        Ok(())
    }

    async fn enqueue_all(&self, payloads: Vec<Payload>) -> Result<()> {
        let spec = JobSpec::default();
        let jobs: Vec<_> = payloads.into_iter().map(|payload| (Noop(payload), &spec)).collect();
        self.utils.add_jobs::<Noop>(&jobs).await?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        // What its own benchmark of throughput and latency sets; by default a worker claims and completes one by one.
        let refetch = RefetchDelayConfig::default().with_duration(Duration::from_millis(10));
        let batch = Duration::from_millis(5);
        let worker = options(u32::try_from(concurrency)? + 8)?
            .concurrency(concurrency)
            .poll_interval(Duration::from_millis(100))
            .local_queue(LocalQueueConfig::default().with_size(500).with_refetch_delay(refetch))
            .complete_job_batch_delay(batch)
            .fail_job_batch_delay(batch)
            .add_extension(probe)
            .init()
            .await?;
        let running = tokio::spawn(async move { Ok(worker.run().await?) });
        let earlier = self.worker.lock().await.replace(running);
        ensure!(earlier.is_none(), "it executes already");
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        if let Some(worker) = &mut *self.worker.lock().await
            && worker.is_finished()
        {
            worker.await??;
        }
        is_true(&self.client, "SELECT NOT EXISTS (SELECT 1 FROM graphile_worker._private_jobs)").await
    }

    async fn counters(&self) -> Result<Vec<(&'static str, f64)>> {
        counters().await
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
