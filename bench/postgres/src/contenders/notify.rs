//! What a run takes to its start at least, if another connection hears of it: an insert that notifies, and a claim that
//! another connection makes in two round trips. Both are durable before the next step.

use std::{
    future::poll_fn,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use bench_harness::{Contender, Measured, Order, Pace, Scenario, scenario, stats};
use postgres_probe::{connect, url};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, NoTls};
use uuid::Uuid;

use super::{
    NOTIFY,
    floor::{DURABILITY, Raw, block_on, rows},
};

pub(crate) struct Notify;

impl Contender for Notify {
    fn name(&self) -> &'static str {
        NOTIFY
    }

    fn durability(&self) -> &'static str {
        DURABILITY
    }

    fn scenarios(&self) -> Vec<Scenario> {
        vec![Scenario::StartLatency]
    }

    fn measure(&self, order: &Order) -> Result<Measured> {
        block_on(start_latency(order))
    }
}

const INSERT: &str = "\
    WITH new AS (INSERT INTO raw (id, due, rec, meta) VALUES ($1, 0, $2, $3)) SELECT pg_notify('raw', '')";

const FIRST: &str = "SELECT id FROM raw WHERE due IS NOT NULL ORDER BY due, id LIMIT 1 FOR UPDATE";

const CLAIM: &str = "UPDATE raw SET due = NULL, state = 1, epoch = 1, rec = $2 WHERE id = $1 AND epoch = 0";

async fn start_latency(order: &Order) -> Result<Measured> {
    let raw = Raw::open().await?;
    let insert = raw.client.prepare(INSERT).await?;
    let heard = listen().await?;
    let (started, mut starts) = unbounded_channel();
    tokio::spawn(async move { claim_each(heard, |at| started.send(at).is_ok()).await });
    let mut samples: Vec<Duration> = Vec::with_capacity(order.count);
    let pace = Pace::start(order);
    for rows in rows(order.count, 1).iter().take_while(|_| !pace.over()) {
        tokio::time::sleep(scenario::PAUSE).await;
        let called = Instant::now();
        raw.client.execute(&insert, &[&rows.ids[0], &rows.recs[0], &rows.metas[0]]).await?;
        let started = starts.recv().await.context("the claiming connection failed")?;
        samples.push(started - called);
    }
    Ok(stats::latency(&samples))
}

/// A connection that does nothing but listen.
async fn listen() -> Result<UnboundedReceiver<()>> {
    let (client, mut connection) = tokio_postgres::connect(&url()?, NoTls).await?;
    let (ring, heard) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if matches!(message, AsyncMessage::Notification(_)) && ring.send(()).is_err() {
                return;
            }
        }
    });
    client.batch_execute("LISTEN raw").await?;
    // The connection ends with its client.
    tokio::spawn(async move {
        std::future::pending::<()>().await;
        drop(client);
    });
    Ok(heard)
}

async fn claim_each(mut heard: UnboundedReceiver<()>, started: impl Fn(Instant) -> bool) -> Result<()> {
    let client = connect(&url()?).await?;
    let (first, claim) = (client.prepare(FIRST).await?, client.prepare(CLAIM).await?);
    while heard.recv().await.is_some() {
        let (_, row) = tokio::try_join!(client.batch_execute("BEGIN"), client.query_one(&first, &[]))?;
        let (id, rec): (Uuid, &[u8]) = (row.get(0), &[7; 110]);
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&id, &rec];
        let (changed, ()) = tokio::try_join!(client.execute(&claim, &params), client.batch_execute("COMMIT"))?;
        ensure!(changed == 1, "the row is not there");
        if !started(Instant::now()) {
            break;
        }
    }
    Ok(())
}
