//! persistent-queue 0.2 over sled 0.34: the same engine as ours, group commit of pushes, one flush an ack.

use std::{path::Path, sync::Arc};

use anyhow::{Result, anyhow, ensure};
use bench_harness::{Payload, Probe, Queue};
use persistent_queue::{AsyncConsumer, AsyncProducer, Builder, Durability, SledStore};
use tokio::{
    sync::{Mutex, Semaphore},
    task::JoinHandle,
};

/// A bound on waiting items that no scenario reaches.
const CAPACITY: usize = 10_000_000;

pub(crate) struct PersistentQueue {
    producer: AsyncProducer<SledStore>,
    consumer: Mutex<Option<AsyncConsumer<SledStore>>>,
    executor: Mutex<Option<JoinHandle<Result<()>>>>,
}

impl Queue for PersistentQueue {
    const NAME: &'static str = "persistent-queue";
    const DURABILITY: &'static str = "process death only: Group, which is sled's flush; a queue of bytes, no results";
    const BULK: bool = false;
    const CHECKPOINTS: bool = false;
    const FILLS: bool = false;

    async fn open(dir: &Path) -> Result<Self> {
        let builder = Builder::new(SledStore::open(dir)?).capacity(CAPACITY).durability(Durability::Group);
        let (producer, consumer) = builder.open_async().await?;
        Ok(Self { producer, consumer: Mutex::new(Some(consumer)), executor: Mutex::default() })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        self.producer.push(serde_json::to_vec(&payload)?).await?;
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        let consumer = self.consumer.lock().await.take();
        let consumer = consumer.ok_or_else(|| anyhow!("it executes already"))?;
        let executor = tokio::spawn(consume(consumer, concurrency, probe));
        *self.executor.lock().await = Some(executor);
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        if let Some(executor) = &mut *self.executor.lock().await
            && executor.is_finished()
        {
            executor.await??;
        }
        Ok(self.producer.is_empty())
    }

    async fn close(&self) -> Result<()> {
        self.producer.close();
        if let Some(executor) = self.executor.lock().await.take() {
            executor.await??;
        }
        ensure!(self.producer.is_empty(), "closed with items left");
        Ok(())
    }
}

/// Its consumer is single; concurrency is ours to add.
async fn consume(consumer: AsyncConsumer<SledStore>, concurrency: usize, probe: Probe) -> Result<()> {
    let slots = Arc::new(Semaphore::new(concurrency));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await?;
        let Some(item) = consumer.reserve().await? else { return Ok(()) };
        let probe = probe.clone();
        tokio::spawn(async move {
            let payload: Payload = serde_json::from_slice(&item)?;
            probe.start(payload.seq);
            item.ack().await?;
            drop(slot);
            anyhow::Ok(())
        });
    }
}
