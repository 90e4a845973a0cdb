//! effectum 0.7: SQLite, one writer thread that shares a transaction among up to 50 operations.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use effectum::{Job, JobRunner, RunningJob, Worker};
use tokio::sync::Mutex;

const KIND: &str = "noop";

pub(crate) struct Effectum {
    queue: effectum::Queue,
    worker: Mutex<Option<Worker>>,
}

impl Queue for Effectum {
    const NAME: &'static str = "effectum";
    const DURABILITY: &'static str =
        "power loss: rollback journal, fsync (it asks for WAL by a pragma that does not exist)";
    const BULK: bool = true;
    const CHECKPOINTS: bool = true;
    const FILLS: bool = false;

    async fn open(dir: &Path) -> Result<Self> {
        let queue = effectum::Queue::new(&dir.join("effectum.db")).await?;
        Ok(Self { queue, worker: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.queue.add_job(job(&payload)?).await?;
        Ok(())
    }

    async fn enqueue_all(&self, payloads: Vec<Payload>) -> Result<()> {
        let jobs = payloads.iter().map(job).collect::<Result<_>>()?;
        self.queue.add_jobs(jobs).await?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        let runner = JobRunner::builder(KIND, noop).build();
        let concurrency = concurrency.try_into()?;
        let worker = Worker::builder(&self.queue, probe).jobs([runner]).max_concurrency(concurrency).build().await?;
        let earlier = self.worker.lock().await.replace(worker);
        ensure!(earlier.is_none(), "it executes already");
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        let active = self.queue.num_active_jobs().await?;
        Ok(active.pending + active.running == 0)
    }

    async fn close(&self) -> Result<()> {
        drop(self.worker.lock().await.take());
        self.queue.close(Duration::from_secs(10)).await?;
        Ok(())
    }
}

fn job(payload: &Payload) -> Result<Job> {
    Ok(Job::builder(KIND).json_payload(payload)?.build())
}

async fn noop(job: RunningJob, probe: Probe) -> Result<(), effectum::Error> {
    let payload: Payload = job.json_payload()?;
    probe.run(payload.seq, |bytes| async { job.checkpoint_blob(bytes).await.map(drop) }).await
}
