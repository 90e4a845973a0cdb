//! longhaul on sled, with the durability that it has by default.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use bench_harness::{Payload, Probe, Queue};
use longhaul::{
    Batch, Client, Context, ExecutionResult, Longhaul as Server, Rate, Schedule, StateKind, Success, Task, TaskOptions,
    embedded::EmbeddedStore, store_api::store::Filter,
};
use tokio::{sync::Mutex, task::JoinSet};

/// As it is out of the box.
pub(crate) const PLAIN: u8 = 0;
/// Each run with a unique key, one of ten priorities and one of a hundred limit keys, under limits and rates of kind, key
/// and queue that hold nothing back: what looking at all of them costs.
pub(crate) const CONTROLLED: u8 = 1;
/// Beside 100,000 runs that are due in a year.
pub(crate) const BESIDE_WAITING: u8 = 2;

/// With 10,000 schedules that are due next on the first of January.
pub(crate) const SCHEDULED: u8 = 3;

/// All runs are members of one batch, so children of one run.
pub(crate) const CHILDREN: u8 = 4;

/// Runs that wait in [`BESIDE_WAITING`].
const WAITING: usize = 100_000;

/// Schedules in [`SCHEDULED`].
const SCHEDULES: usize = 10_000;

/// Callers that fill the store at the same time.
const AT_ONCE: usize = 1000;

pub(crate) struct Longhaul<const VARIANT: u8> {
    store: EmbeddedStore,
    client: Client,
    server: Mutex<Option<Server>>,
    /// Of [`CHILDREN`]. It stays open.
    batch: Option<Batch<Noop<VARIANT>>>,
}

impl<const VARIANT: u8> Longhaul<VARIANT> {
    fn enqueue_as_said(&self, payload: Payload) -> longhaul::Enqueue<Noop<VARIANT>> {
        let seq = payload.seq;
        let run = self.client.enqueue::<Noop<VARIANT>>(payload);
        if VARIANT == CONTROLLED { run.unique(format!("run {seq}")).priority((seq % 10) as i8) } else { run }
    }
}

struct Noop<const VARIANT: u8>(Probe);

impl<const VARIANT: u8> Task for Noop<VARIANT> {
    const NAME: &'static str = "noop";
    type Metadata = Payload;
    type ExecutionMetadata = Vec<u8>;
    type Output = ();
    type Error = longhaul::AnyError;

    fn options() -> TaskOptions {
        let plain = TaskOptions::default();
        if VARIANT != CONTROLLED {
            return plain;
        }
        let rate = Rate::new(500_000, Duration::from_secs(1)).expect("a rate");
        plain.running_max(100_000).per_key_max(100_000).rate(rate).rate_per_key(rate)
    }

    fn limit_key(payload: &Payload) -> Option<String> {
        (VARIANT == CONTROLLED).then(|| format!("tenant {}", payload.seq % 100))
    }

    async fn execute(&self, ctx: &Context<Payload, Vec<u8>>) -> ExecutionResult<(), longhaul::AnyError> {
        let saved = self.0.run(ctx.metadata().seq, |bytes| async move {
            ctx.update(|saved| *saved = bytes);
            ctx.checkpoint().await.map_err(|_| anyhow::anyhow!("told to stop"))
        });
        match saved.await {
            Ok(()) => Success::with_empty_result().for_error(),
            Err(error) => longhaul::Failure::for_result().with_error(longhaul::AnyError::msg(error)),
        }
    }
}

fn name(payload: &Payload) -> String {
    format!("run {}", payload.seq)
}

async fn wait_for_a_year<const VARIANT: u8>(client: Client, seq: usize) -> Result<()> {
    let a_year = Duration::from_secs(365 * 24 * 60 * 60);
    client.enqueue::<Noop<VARIANT>>(Payload::new(seq as u64)).queue("later").after(a_year).await?;
    Ok(())
}

async fn schedule<const VARIANT: u8>(client: Client, number: usize) -> Result<()> {
    let pattern = format!("{} {} 1 1 *", number % 60, number / 60 % 24);
    let yearly = Schedule::cron(&pattern, "Europe/Berlin");
    let payload = Payload::new(number as u64);
    client.schedules().create::<Noop<VARIANT>>(&format!("yearly-{number}"), yearly, payload).await?;
    Ok(())
}

/// Makes these calls, [`AT_ONCE`] of them at the same time.
async fn at_once(calls: impl Iterator<Item = impl Future<Output = Result<()>> + Send + 'static>) -> Result<()> {
    let mut running = JoinSet::new();
    for call in calls {
        running.spawn(call);
        if running.len() == AT_ONCE {
            running.join_next().await.expect("there are some")??;
        }
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

impl<const VARIANT: u8> Queue for Longhaul<VARIANT> {
    const NAME: &'static str = match VARIANT {
        PLAIN => "longhaul",
        CONTROLLED => "longhaul-controlled",
        BESIDE_WAITING => "longhaul-beside-waiting",
        CHILDREN => "longhaul-children",
        _ => "longhaul-scheduled",
    };
    const DURABILITY: &'static str = "power loss: sled flush + fdatasync of its file, shared by all who wait";
    const BULK: bool = true;
    const CHECKPOINTS: bool = true;
    const FILLS: bool = VARIANT == PLAIN;

    async fn open(dir: &Path) -> Result<Self> {
        let store = longhaul::open(dir)?;
        let client = Client::new(Arc::new(store.clone()));
        match VARIANT {
            BESIDE_WAITING if client.find::<Noop<VARIANT>>().count().await? == 0 => {
                at_once((0..WAITING).map(|seq| wait_for_a_year::<VARIANT>(client.clone(), seq))).await?;
            }
            SCHEDULED if client.schedules().list().await?.is_empty() => {
                at_once((0..SCHEDULES).map(|number| schedule::<VARIANT>(client.clone(), number))).await?;
            }
            _ => {}
        }
        let batch = match VARIANT {
            CHILDREN => {
                let callback = client.enqueue::<Noop<VARIANT>>(Payload::new(u64::MAX));
                Some(client.batch("all", callback).await?)
            }
            _ => None,
        };
        Ok(Self { store, client, server: Mutex::default(), batch })
    }

    async fn enqueue(&self, payload: Payload) -> Result<()> {
        match &self.batch {
            Some(batch) => drop(batch.add::<Noop<VARIANT>>(name(&payload), payload).await?),
            None => drop(self.enqueue_as_said(payload).await?),
        }
        Ok(())
    }

    async fn enqueue_all(&self, payloads: Vec<Payload>) -> Result<()> {
        if let Some(batch) = &self.batch {
            batch.add_all::<Noop<VARIANT>>(payloads.into_iter().map(|payload| (name(&payload), payload))).await?;
            return Ok(());
        }
        if VARIANT != CONTROLLED {
            self.client.enqueue_all::<Noop<VARIANT>>(payloads).await?;
            return Ok(());
        }
        let mut calls = JoinSet::new();
        for payload in payloads {
            let call = self.enqueue_as_said(payload);
            calls.spawn(async move { call.await.map(drop) });
        }
        for done in calls.join_all().await {
            done?;
        }
        Ok(())
    }

    async fn execute(&self, concurrency: usize, probe: Probe) -> Result<()> {
        let server = Server::builder()
            .store(self.store.clone())
            .task(Noop::<VARIANT>(probe))
            .concurrency(concurrency)
            .start()?;
        let earlier = self.server.lock().await.replace(server);
        ensure!(earlier.is_none(), "it executes already");
        Ok(())
    }

    async fn settled(&self) -> Result<bool> {
        let states = vec![StateKind::Pending, StateKind::Running, StateKind::Retrying];
        Ok(self
            .client
            .store()
            .count(Filter { states, queues: vec![longhaul::Queue::default()], ..Filter::default() })
            .await?
            == 0)
    }

    async fn close(&self) -> Result<()> {
        if let Some(server) = self.server.lock().await.take() {
            server.shutdown(Duration::from_secs(10)).await;
        }
        self.store.close().await;
        Ok(())
    }
}
