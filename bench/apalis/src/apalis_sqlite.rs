//! apalis 1.0 with apalis-sqlite 1.0: SQLite through a pool of connections.

use std::{io, path::Path};

use ::apalis_sqlite::{Config, SqlitePool, SqliteStorage, callback::HookCallbackListener};
use anyhow::{Result, anyhow};
use apalis::prelude::{BoxDynError, TaskSink as _, WorkerBuilder, WorkerBuilderExt as _};
use bench_harness::{Payload, Probe, Queue};
use futures_util::TryFutureExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use tokio::{
    sync::{Mutex, oneshot},
    task::JoinHandle,
};

const QUEUE: &str = "noop";

pub(crate) struct ApalisSqlite {
    pool: SqlitePool,
    storage: SqliteStorage<Payload>,
    wake: Mutex<Option<HookCallbackListener>>,
    worker: Mutex<Option<Running>>,
}

struct Running {
    stop: oneshot::Sender<()>,
    future: JoinHandle<Result<()>>,
}

impl Queue for ApalisSqlite {
    const NAME: &'static str = "apalis-sqlite";
    const DURABILITY: &'static str = "power loss: WAL, synchronous FULL set by us on every connection (its own setup \
                                      turns it OFF on one of the pool, by chance)";
    const BULK: bool = true;
    const CHECKPOINTS: bool = false;
    const FILLS: bool = false;

    async fn open(dir: &Path) -> Result<Self> {
        let file = dir.join("apalis.db");
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full);
        // Its setup runs on a pool of its own, which is gone afterwards and with it what it set per connection.
        let setup = SqlitePool::connect_with(options.clone()).await?;
        SqliteStorage::setup(&setup).await?;
        setup.close().await;
        let (pool, wake) = SqliteStorage::connect_with_callback(&format!("sqlite://{}", file.display()))?;
        // The pool connects lazily: none of its connections was opened without these.
        pool.set_connect_options(options);
        let storage = SqliteStorage::new(&pool).with_config(Config::default().queue(QUEUE));
        Ok(Self { pool, storage, wake: Mutex::new(Some(wake)), worker: Mutex::default() })
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
        let wake = self.wake.lock().await.take().ok_or_else(|| anyhow!("it executes already"))?;
        // By default 10: a batch that fills the worker is the best that it can be given.
        let config = Config::default().queue(QUEUE).batch_size(concurrency);
        let backend = SqliteStorage::new(&self.pool).with_config(config).with_callback(wake);
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
        *self.worker.lock().await = Some(Running { stop, future });
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        if let Some(worker) = &mut *self.worker.lock().await
            && worker.future.is_finished()
        {
            (&mut worker.future).await??;
        }
        let open: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM Jobs WHERE status <> 'Done')")
            .fetch_one(&self.pool)
            .await?;
        Ok(!open)
    }

    async fn close(&self) -> Result<()> {
        if let Some(worker) = self.worker.lock().await.take() {
            // It may have ended by itself; how, the future says.
            let _ = worker.stop.send(());
            worker.future.await??;
        }
        self.pool.close().await;
        Ok(())
    }
}
