//! longhaul on PostgreSQL. Who enqueues and who executes have a store each, as in two processes.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use longhaul::{
    AnyError, Client, Context, ExecutionResult, Failure, Longhaul as Server, StateKind, Success, Task,
    store_api::store::{Filter, Inspect as _, Store as _},
};
use longhaul_postgres::{Options, PostgresStore};
use postgres_probe::{counters, url};
use tokio::sync::Mutex;

/// As it is out of the box.
pub(crate) const PLAIN: u8 = 0;
/// Without LISTEN: who executes learns of new runs by asking.
pub(crate) const POLLING: u8 = 1;
/// Two servers on one database, each of the concurrency that the scenario names.
pub(crate) const TWO_SERVERS: u8 = 2;

pub(crate) struct Longhaul<const VARIANT: u8> {
    store: PostgresStore,
    client: Client,
    servers: Mutex<Vec<(Server, PostgresStore)>>,
}

struct Noop(Probe);

impl Task for Noop {
    const NAME: &'static str = "noop";
    type Metadata = Payload;
    type ExecutionMetadata = Vec<u8>;
    type Output = ();
    type Error = AnyError;

    async fn execute(&self, ctx: &Context<Payload, Vec<u8>>) -> ExecutionResult<(), AnyError> {
        let saved = self.0.run(ctx.metadata().seq, |bytes| async move {
            ctx.update(|saved| *saved = bytes);
            ctx.checkpoint().await.map_err(|_| anyhow::anyhow!("told to stop"))
        });
        match saved.await {
            Ok(()) => Success::with_empty_result().for_error(),
            Err(error) => Failure::for_result().with_error(AnyError::msg(error)),
        }
    }
}

async fn connect(variant: u8) -> Result<PostgresStore> {
    Ok(PostgresStore::connect_with(&url()?, Options::default().listen(variant != POLLING)).await?)
}

impl<const VARIANT: u8> Queue for Longhaul<VARIANT> {
    const NAME: &'static str = match VARIANT {
        PLAIN => "longhaul",
        POLLING => "longhaul-polling",
        _ => "longhaul-2-servers",
    };
    const DURABILITY: &'static str = "power loss: COMMIT, shared by those who wait; a claim too is flushed";
    const BULK: bool = true;
    const CHECKPOINTS: bool = true;
    const FILLS: bool = VARIANT == PLAIN;

    async fn open(_: &Path) -> Result<Self> {
        let store = connect(VARIANT).await?;
        let client = Client::new(Arc::new(store.clone()));
        Ok(Self { store, client, servers: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.client.enqueue::<Noop>(payload).await?;
        Ok(())
    }

    async fn enqueue_all(&self, payloads: Vec<Payload>) -> Result<()> {
        self.client.enqueue_all::<Noop>(payloads).await?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        let mut servers = self.servers.lock().await;
        ensure!(servers.is_empty(), "it executes already");
        for _ in 0..if VARIANT == TWO_SERVERS { 2 } else { 1 } {
            let store = connect(VARIANT).await?;
            let task = Noop(probe.clone());
            let server = Server::builder().store(store.clone()).task(task).concurrency(concurrency).start()?;
            servers.push((server, store));
        }
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        // These are counts that transactions keep: no run is read.
        let states = vec![StateKind::Pending, StateKind::Running, StateKind::Retrying];
        Ok(self.store.count(Filter { states, ..Filter::default() }).await? == 0)
    }

    async fn counters(&self) -> Result<Vec<(&'static str, f64)>> {
        let mut counters = counters().await?;
        let servers = self.servers.lock().await;
        let stores = servers.iter().map(|(_, store)| store).chain([&self.store]);
        counters.push(("round_trips", stores.map(PostgresStore::round_trips).sum::<u64>() as f64));
        Ok(counters)
    }

    async fn close(&self) -> Result<()> {
        for (server, store) in self.servers.lock().await.drain(..) {
            server.shutdown(Duration::from_secs(10)).await;
            store.close().await;
        }
        self.store.close().await;
        Ok(())
    }
}
