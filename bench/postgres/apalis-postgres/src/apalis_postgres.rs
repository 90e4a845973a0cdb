//! apalis 1.0 with apalis-postgres 1.0, woken by LISTEN.

use std::{io, path::Path, time::Duration};

use ::apalis_postgres::{Config, PgPool, PostgresStorage};
use anyhow::{Result, anyhow, ensure};
use apalis::prelude::*;
use bench_harness::{Payload, Probe, Queue};
use futures_util::TryFutureExt as _;
use postgres_probe::{connect, counters, is_true, url};
use sqlx::postgres::PgPoolOptions;
use tokio::{
    sync::{Mutex, oneshot},
    task::JoinHandle,
};
use tokio_postgres::Client;

const QUEUE: &str = "noop";

pub(crate) struct ApalisPostgres {
    client: Client,
    storage: PostgresStorage<Payload>,
    worker: Mutex<Option<Running>>,
}

struct Running {
    /// Dropped, it stops the worker.
    _stop: oneshot::Sender<()>,
    future: JoinHandle<Result<()>>,
}

async fn pool(connections: u32) -> Result<PgPool> {
    Ok(PgPoolOptions::new().max_connections(connections).connect(&url()?).await?)
}

impl Queue for ApalisPostgres {
    const NAME: &'static str = "apalis-postgres";
    const DURABILITY: &'static str = "power loss: COMMIT of each call";
    const BULK: bool = true;
    const CHECKPOINTS: bool = false;
    const FILLS: bool = false;

    async fn open(_: &Path) -> Result<Self> {
        let pool = pool(64).await?;
        PostgresStorage::setup(&pool).await?;
        let storage = PostgresStorage::new(&pool).with_config(Config::default().queue(QUEUE));
        Ok(Self { client: connect(&url()?).await?, storage, worker: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.storage.clone().push(payload).await?;
        Ok(())
    }

    async fn enqueue_all(&self, payloads: Vec<Payload>) -> Result<()> {
        self.storage.clone().push_bulk(payloads).await?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        // By default 10: a batch that fills the worker is the best that it can be given.
        let config = Config::default().queue(QUEUE).batch_size(concurrency);
        let backend = PostgresStorage::new(&pool(u32::try_from(concurrency)? + 8).await?)
            .with_config(config)
            .with_pubsub()
            .poll_with_interval(Duration::from_millis(20));
        let task = move |payload: Payload| {
            let probe = probe.clone();
            async move {
                probe.start(payload.seq);
                Ok::<_, BoxDynError>(())
            }
        };
        let worker = WorkerBuilder::new("bench").backend(backend).concurrency(concurrency).build(task);
        let (stop, stopped) = oneshot::channel::<()>();
        let told = async { stopped.await.map_err(|_| io::Error::other("the queue is gone")) };
        let run = worker.run_until(told);
        let future = tokio::spawn(run.map_err(|error| anyhow!("the worker died: {error}")));
        let earlier = self.worker.lock().await.replace(Running { _stop: stop, future });
        ensure!(earlier.is_none(), "it executes already");
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        if let Some(worker) = &mut *self.worker.lock().await
            && worker.future.is_finished()
        {
            (&mut worker.future).await??;
        }
        is_true(&self.client, "SELECT NOT EXISTS (SELECT 1 FROM apalis.jobs WHERE status <> 'Done')").await
    }

    async fn counters(&self) -> Result<Vec<(&'static str, f64)>> {
        counters().await
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
