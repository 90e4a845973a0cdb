//! longhaul on sled, with the durability that it has by default.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use longhaul::{
    Client, Context, ExecutionResult, Longhaul as Server, StateKind, Success, Task,
    core::store::Filter,
    embedded::EmbeddedStore,
};
use tokio::sync::Mutex;

pub(crate) struct Longhaul {
    store: EmbeddedStore,
    client: Client,
    server: Mutex<Option<Server>>,
}

struct Noop(Probe);

impl Task for Noop {
    const NAME: &'static str = "noop";
    type Metadata = Payload;
    type ExecutionMetadata = Vec<u8>;
    type Output = ();
    type Error = longhaul::AnyError;

    async fn execute(&self, ctx: &Context<Payload, Vec<u8>>) -> ExecutionResult<(), longhaul::AnyError> {
        let saved = self.0.run(|bytes| async move {
            ctx.update(|saved| *saved = bytes);
            ctx.checkpoint().await.map_err(|_| anyhow::anyhow!("told to stop"))
        });
        match saved.await {
            Ok(()) => Success::with_empty_result().for_error(),
            Err(error) => longhaul::Failure::for_result().with_error(longhaul::AnyError::msg(error)),
        }
    }
}

impl Queue for Longhaul {
    const NAME: &'static str = "longhaul";
    const DURABILITY: &'static str = "power loss: sled flush + fdatasync of its file, shared by all who wait";
    const BULK: bool = true;
    const CHECKPOINTS: bool = true;
    const FILLS: bool = true;

    async fn open(dir: &Path) -> Result<Self> {
        let store = longhaul::open(dir)?;
        let client = Client::new(Arc::new(store.clone()));
        Ok(Self { store, client, server: Mutex::default() })
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
        let server = Server::builder().store(self.store.clone()).task(Noop(probe)).concurrency(concurrency).start()?;
        let earlier = self.server.lock().await.replace(server);
        ensure!(earlier.is_none(), "it executes already");
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        let states = vec![StateKind::Pending, StateKind::Running, StateKind::Retrying];
        Ok(self.client.store().count(Filter { states, ..Filter::default() }).await? == 0)
    }

    async fn close(&self) -> Result<()> {
        if let Some(server) = self.server.lock().await.take() {
            server.shutdown(Duration::from_secs(10)).await;
        }
        self.store.close().await;
        Ok(())
    }
}
