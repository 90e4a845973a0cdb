//! underway 0.2: tasks, which can be enqueued many at a time. A job of one step is such a task.

use std::{path::Path, sync::Arc};

use anyhow::{Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use jiff::Span;
use postgres_probe::{connect, counters, is_true, url};
use sqlx::{PgPool, Postgres, Transaction, postgres::PgPoolOptions};
use tokio::{
    runtime::Handle,
    sync::Mutex,
    task::{self, JoinHandle},
};
use tokio_postgres::Client;
use underway::{Task, Worker};

const QUEUE: &str = "noop";

pub(crate) struct Underway {
    client: Client,
    pool: PgPool,
    queue: Arc<Noops>,
    worker: Mutex<Option<JoinHandle<Result<(), underway::worker::Error>>>>,
}

type Noops = underway::Queue<Noop>;

#[derive(Clone)]
struct Noop(Probe);

impl Task for Noop {
    type Input = Payload;
    type Output = ();

    async fn execute(&self, _: Transaction<'_, Postgres>, payload: Payload) -> underway::task::Result<()> {
        self.0.start(payload.seq);
        Ok(())
    }
}

async fn queue(connections: u32) -> Result<(PgPool, Arc<Noops>)> {
    let pool = PgPoolOptions::new().max_connections(connections).connect(&url()?).await?;
    // Its future cannot be sent to another thread.
    task::block_in_place(|| Handle::current().block_on(underway::run_migrations(&pool)))?;
    let queue = underway::Queue::builder().name(QUEUE).pool(pool.clone()).build().await?;
    Ok((pool, Arc::new(queue)))
}

impl Queue for Underway {
    const NAME: &'static str = "underway";
    const DURABILITY: &'static str = "power loss: COMMIT of each call";
    const BULK: bool = true;
    const CHECKPOINTS: bool = false;
    const FILLS: bool = false;

    async fn open(_: &Path) -> Result<Self> {
        let (pool, queue) = queue(64).await?;
        Ok(Self { client: connect(&url()?).await?, pool, queue, worker: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.queue.enqueue(&self.pool, &Noop(Probe::counting(0)), &payload).await?;
        Ok(())
    }

    async fn enqueue_all(&self, payloads: Vec<Payload>) -> Result<()> {
        let task = Noop(Probe::counting(0));
        let call = self.queue.enqueue_multi(&self.pool, &task, &payloads);
        task::block_in_place(|| Handle::current().block_on(call))?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        // Each run holds one connection while it executes, and the worker listens on some.
        let (_, queue) = queue(u32::try_from(concurrency)? + 8).await?;
        let mut worker = Worker::new(queue, Noop(probe));
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
