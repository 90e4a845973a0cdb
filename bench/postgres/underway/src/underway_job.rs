//! underway 0.2: a job of one step.

use std::path::Path;

use anyhow::{Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use jiff::Span;
use postgres_probe::{connect, counters, is_true, url};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{sync::Mutex, task::JoinHandle};
use tokio_postgres::Client;
use underway::{Job, To, job::Context};

const QUEUE: &str = "noop";

type Noop = Job<Payload, Probe>;

pub(crate) struct Underway {
    client: Client,
    pool: PgPool,
    /// It enqueues, and does not execute.
    job: Noop,
    worker: Mutex<Option<JoinHandle<Result<(), underway::worker::Error>>>>,
}

async fn noop(context: Context<Probe>, _: Payload) -> underway::task::Result<To<()>> {
    context.state.start();
    To::done()
}

async fn job(pool: PgPool, probe: Probe) -> Result<Noop> {
    Ok(Job::builder().state(probe).step(noop).name(QUEUE).pool(pool).build().await?)
}

async fn pool(connections: u32) -> Result<PgPool> {
    Ok(PgPoolOptions::new().max_connections(connections).connect(&url()?).await?)
}

impl Queue for Underway {
    const NAME: &'static str = "underway";
    const DURABILITY: &'static str = "power loss: COMMIT of each call";
    const BULK: bool = true;
    const CHECKPOINTS: bool = false;
    const FILLS: bool = false;

    async fn open(_: &Path) -> Result<Self> {
        let pool = pool(64).await?;
        underway::run_migrations(&pool).await?;
        let job = job(pool.clone(), Probe::counting()).await?;
        Ok(Self { client: connect(&url()?).await?, pool, job, worker: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.job.enqueue(&payload).await?;
        Ok(())
    }

    async fn enqueue_all(&self, payloads: Vec<Payload>) -> Result<()> {
        self.job.queue().enqueue_multi(&self.pool, &self.job, &payloads).await?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        // Each run holds one connection while it executes, and the worker listens on some.
        let job = job(pool(concurrency as u32 + 8).await?, probe).await?;
        let mut worker = job.worker();
        worker.set_concurrency_limit(concurrency);
        // A tick starts one more loop, up to the limit; by default it comes once a minute.
        let worker = tokio::spawn(async move { worker.run_every(Span::new().milliseconds(10)).await });
        let earlier = self.worker.lock().await.replace(worker);
        ensure!(earlier.is_none(), "it executes already");
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        is_true(
            &self.client,
            "SELECT NOT EXISTS (SELECT 1 FROM underway.task WHERE state IN ('pending', 'in_progress'))",
        )
        .await
    }

    async fn counters(&self) -> Result<Vec<(&'static str, f64)>> {
        counters().await
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
