//! A doorbell between servers: a server that changed something rings, and a server that waits for such a change looks.
//!
//! It only makes waits shorter. The poller finds what was changed while the doorbell was not connected. It rings outside of
//! the transactions that write runs, because PostgreSQL commits those that notify one after the other.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, mpsc, watch};
use tokio_postgres::{AsyncMessage, Config, Notification};

use crate::{clock::pause, connect::Connector, identifier::quoted, ring::Ring};

/// It rings no more often than this.
const INTERVAL: Duration = Duration::from_millis(20);
/// How long to wait before the connection is made again, at first and at most.
const RECONNECT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What this handle has to say, and whether others said something.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    unsaid: Mutex<Ring>,
    ringing: Notify,
    rang: Notify,
    is_connected: AtomicBool,
    /// How often others rang.
    heard: AtomicU64,
}

impl Bell {
    /// Tells other servers that these changed, soon. Changes before it are committed.
    pub(crate) fn ring(&self, ring: Ring) {
        if !ring.is_empty() {
            self.unsaid.lock().unwrap_or_else(PoisonError::into_inner).add(ring);
            self.ringing.notify_one();
        }
    }

    /// Another server has changed what a call waits for.
    pub(crate) fn wake_poller(&self) {
        self.rang.notify_one();
    }

    /// Waits until another server has changed what a call waits for. Cancel safe.
    pub(crate) async fn rang(&self) {
        self.rang.notified().await;
    }

    /// Whether others can be heard.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Acquire)
    }

    /// Grows when others ring. Who looks and then begins to wait compares it: between the two, nobody would tell.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Acquire)
    }

    async fn next(&self) -> Ring {
        loop {
            if let Some(ring) = self.unsaid.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return ring;
            }
            self.ringing.notified().await;
        }
    }
}

/// Rings, and listens, on a connection of its own: gives `hear` what other servers said. Ends when the handle is gone.
pub(crate) async fn keep(
    bell: Arc<Bell>,
    (config, connector): (Config, Connector),
    schema: String,
    mut is_over: watch::Receiver<()>,
    hear: impl Fn(&Ring),
) {
    let channel = quoted(&format!("longhaul {schema}"));
    let mut wait = RECONNECT.0;
    loop {
        let lost = tokio::select! {
            lost = connected(&bell, (&config, &connector), &channel, &mut wait, &hear) => lost,
            _ = is_over.changed() => return,
        };
        bell.is_connected.store(false, Ordering::Release);
        if let Err(error) = lost {
            tracing::debug!(%error, "changes of other servers are only polled for, until the doorbell is connected again");
        }
        tokio::select! {
            () = pause(wait) => wait = (wait * 2).min(RECONNECT.1),
            _ = is_over.changed() => return,
        }
    }
}

/// Until the connection is lost.
async fn connected(
    bell: &Bell,
    (config, connector): (&Config, &Connector),
    channel: &str,
    wait: &mut Duration,
    hear: &impl Fn(&Ring),
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(connector.clone()).await?;
    let (heard, mut notifications) = mpsc::unbounded_channel();
    // It ends when the client is dropped, or with the connection.
    tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notification(notification) = message {
                _ = heard.send(notification);
            }
        }
    });
    client.batch_execute(&format!("LISTEN {channel}")).await?;
    let own: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)?;
    *wait = RECONNECT.0;
    bell.is_connected.store(true, Ordering::Release);
    // Nothing was heard before.
    bell.heard.fetch_add(1, Ordering::AcqRel);
    bell.rang.notify_one();
    let notified = |notification: &Notification| {
        if notification.process_id() == own {
            return;
        }
        bell.heard.fetch_add(1, Ordering::AcqRel);
        match notification.payload().parse() {
            Ok(ring) => hear(&ring),
            Err(error) => tracing::debug!(%error, payload = notification.payload(), "what rang is not known"),
        }
    };
    let ring = async {
        loop {
            let ring = bell.next().await;
            // A notification need not survive a power cut. The setting ends with the transaction: one of the session would
            // stay on a connection that a pooler gives to others.
            let notify = format!("BEGIN; SET LOCAL synchronous_commit = off; NOTIFY {channel}, '{ring}'; COMMIT");
            client.batch_execute(&notify).await?;
            pause(INTERVAL).await;
        }
    };
    tokio::select! {
        lost = ring => lost,
        () = async { while let Some(notification) = notifications.recv().await { notified(&notification); } } => Ok(()),
    }
}
