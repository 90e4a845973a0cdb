//! fang 0.11, its asynchronous queue.

use std::{path::Path, sync::OnceLock, time::Duration};

use anyhow::{Result, anyhow};
use async_trait::async_trait;
use bench_harness::{Payload, Probe, Queue};
use fang::{
    AsyncQueueable, AsyncRunnable, FangError, RetentionMode, SleepParams,
    asynk::{async_queue::AsyncQueue, async_worker_pool::AsyncWorkerPool},
    serde::{Deserialize, Serialize},
    typetag,
};
use postgres_probe::{connect, counters, is_true, url};
use tokio_postgres::Client;

/// fang 0.11 has its tables as files beside its source; these are they, without what the task's table does not use.
const TABLES: &str = include_str!("../tables.sql");

/// A task is data and nothing else: what it calls is found here.
static PROBE: OnceLock<Probe> = OnceLock::new();

#[derive(Serialize, Deserialize)]
#[serde(crate = "fang::serde")]
struct Noop {
    payload: Payload,
}

#[async_trait]
#[typetag::serde]
impl AsyncRunnable for Noop {
    async fn run(&self, _: &dyn AsyncQueueable) -> Result<(), FangError> {
        if let Some(probe) = PROBE.get() {
            probe.start(self.payload.seq);
        }
        Ok(())
    }
}

pub(crate) struct Fang {
    client: Client,
    queue: AsyncQueue,
}

async fn queue(connections: u32) -> Result<AsyncQueue> {
    let mut queue = AsyncQueue::builder().uri(url()?).max_pool_size(connections).build();
    queue.connect().await.map_err(|error| anyhow!("{error:?}"))?;
    Ok(queue)
}

impl Queue for Fang {
    const NAME: &'static str = "fang";
    const DURABILITY: &'static str = "power loss: COMMIT of each call";
    const BULK: bool = false;
    const CHECKPOINTS: bool = false;
    const FILLS: bool = false;

    async fn open(_: &Path) -> Result<Self> {
        let client = connect(&url()?).await?;
        client.batch_execute(TABLES).await?;
        Ok(Self { client, queue: queue(64).await? })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.queue.insert_task(&Noop { payload }).await.map_err(|error| anyhow!("{error:?}"))?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        PROBE.set(probe).map_err(|_| anyhow!("it executes already"))?;
        let workers = concurrency.try_into()?;
        // By default a worker that found nothing sleeps for 5 to 15 seconds.
        let pause = Duration::from_millis(20);
        let sleep = SleepParams {
            sleep_period: pause,
            max_sleep_period: pause,
            min_sleep_period: pause,
            sleep_step: Duration::ZERO,
        };
        let mut pool: AsyncWorkerPool<AsyncQueue> = AsyncWorkerPool::builder()
            .number_of_workers(workers)
            .queue(queue(workers).await?)
            .sleep_params(sleep)
            .retention_mode(RetentionMode::KeepAll)
            .build();
        pool.start().await;
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        is_true(&self.client, "SELECT NOT EXISTS (SELECT 1 FROM fang_tasks WHERE state <> 'finished')").await
    }

    async fn counters(&self) -> Result<Vec<(&'static str, f64)>> {
        counters().await
    }

    /// Its workers have no end: they end with the process.
    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
