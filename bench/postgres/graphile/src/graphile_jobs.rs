//! graphile_worker 0.14, as it comes, and with the batches that it can be told to make. It deletes what is done.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, Worker, WorkerContext, WorkerOptions, WorkerUtils,
};
use postgres_probe::{connect, counters, is_true, url};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_postgres::Client;

pub(crate) struct Graphile<const BATCHED: bool> {
    client: Client,
    utils: WorkerUtils,
    worker: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Noop {
    payload: Payload,
}

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(probe) = context.get_ext::<Probe>() {
            probe.start();
        }
        Ok::<(), String>(())
    }
}

fn options(connections: u32) -> Result<WorkerOptions> {
    Ok(WorkerOptions::default().database_url(&url()?).max_pg_conn(connections).define_job::<Noop>())
}

impl<const BATCHED: bool> Queue for Graphile<BATCHED> {
    const NAME: &'static str = if BATCHED { "graphile-batched" } else { "graphile" };
    const DURABILITY: &'static str = "power loss: COMMIT of each call; what is done is deleted";
    const BULK: bool = true;
    const CHECKPOINTS: bool = false;
    const FILLS: bool = false;

    async fn open(_: &Path) -> Result<Self> {
        // It makes the tables.
        let utils = options(64)?.init().await?.create_utils();
        Ok(Self { client: connect(&url()?).await?, utils, worker: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.utils.add_job(Noop { payload }, JobSpec::default()).await?;
        Ok(())
    }

    async fn enqueue_all(&self, payloads: Vec<Payload>) -> Result<()> {
        let spec = JobSpec::default();
        let jobs: Vec<_> = payloads.into_iter().map(|payload| (Noop { payload }, &spec)).collect();
        self.utils.add_jobs::<Noop>(&jobs).await?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        // By default it asks once a second.
        let mut options =
            options(concurrency as u32 + 4)?.concurrency(concurrency).poll_interval(Duration::from_millis(20)).add_extension(probe);
        if BATCHED {
            options = options
                .local_queue(LocalQueueConfig::default().with_size(512))
                .complete_job_batch_delay(Duration::from_millis(2));
        }
        let worker: Arc<Worker> = Arc::new(options.init().await?);
        let running = tokio::spawn(async move {
            if let Err(error) = worker.run().await {
                eprintln!("the worker died: {error}");
            }
        });
        let earlier = self.worker.lock().await.replace(running);
        ensure!(earlier.is_none(), "it executes already");
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        is_true(&self.client, "SELECT NOT EXISTS (SELECT 1 FROM graphile_worker.jobs)").await
    }

    async fn counters(&self) -> Result<Vec<(&'static str, f64)>> {
        counters().await
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
