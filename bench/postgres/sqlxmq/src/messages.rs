//! `sqlxmq` 0.6. It deletes what is done.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use postgres_probe::{connect, counters, is_true, url};
use sqlx::{PgPool, postgres::PgPoolOptions};
use sqlxmq::{Checkpoint, CurrentJob, JobBuilder, JobRunnerHandle, JobRunnerOptions};
use tokio::sync::Mutex;
use tokio_postgres::Client;

pub(crate) struct Sqlxmq {
    client: Client,
    pool: PgPool,
    runner: Mutex<Option<JobRunnerHandle>>,
}

async fn pool(connections: u32) -> Result<PgPool> {
    Ok(PgPoolOptions::new().max_connections(connections).connect(&url()?).await?)
}

/// Makes its tables, by the files that come with it.
async fn migrate(client: &Client) -> Result<()> {
    if is_true(client, "SELECT to_regclass('mq_msgs') IS NOT NULL").await? {
        return Ok(());
    }
    let files = fs::read_dir(env!("SQLXMQ_MIGRATIONS")).context("its migrations are gone")?;
    let mut files = files.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.to_string_lossy().ends_with(".up.sql"));
    files.sort();
    for file in files {
        client.batch_execute(&fs::read_to_string(file)?).await?;
    }
    Ok(())
}

async fn work(job: CurrentJob, probe: Probe) -> Result<()> {
    let payload: Payload = job.json()?.context("a job without a payload")?;
    let job = Mutex::new(job);
    let saved = probe.run(payload.seq, |bytes| {
        let job = &job;
        async move { job.lock().await.checkpoint(Checkpoint::new().set_raw_bytes(&bytes)).await }
    });
    saved.await?;
    job.into_inner().complete().await?;
    Ok(())
}

impl Queue for Sqlxmq {
    const NAME: &'static str = "sqlxmq";
    const DURABILITY: &'static str = "power loss: COMMIT of each call; the row is deleted when it is completed";
    const BULK: bool = false;
    const CHECKPOINTS: bool = true;
    const FILLS: bool = false;

    async fn open(_: &Path) -> Result<Self> {
        let client = connect(&url()?).await?;
        migrate(&client).await?;
        Ok(Self { client, pool: pool(64).await?, runner: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        JobBuilder::new("noop").set_json(&payload)?.spawn(&self.pool).await?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        let connections = u32::try_from(concurrency)? + 2;
        let runner = JobRunnerOptions::new(&pool(connections).await?, move |job| {
            let probe = probe.clone();
            tokio::spawn(async move {
                if let Err(error) = work(job, probe).await {
                    eprintln!("sqlxmq: {error:#}");
                }
            });
        })
        // With a lower first number it asks for several at once; drains are no faster by it.
        .set_concurrency(concurrency, concurrency)
        .run()
        .await?;
        let earlier = self.runner.lock().await.replace(runner);
        ensure!(earlier.is_none(), "it executes already");
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        // The row with an id of zeros is its own.
        is_true(&self.client, "SELECT NOT EXISTS (SELECT 1 FROM mq_msgs WHERE id <> uuid_nil())").await
    }

    async fn counters(&self) -> Result<Vec<(&'static str, f64)>> {
        counters().await
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
