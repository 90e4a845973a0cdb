//! A server: the executor of this process, from start to shutdown.

use std::{sync::Arc, time::Duration};

use longhaul_core::{ServerId, StoreError};

use crate::{
    builder::Builder,
    client::Client,
    runtime::{Executor, ShutdownReport},
    signal::{self, Signal, Signals},
};

/// The executor of this process. Made by [`Longhaul::builder`].
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{Longhaul, testing};
/// use std::time::Duration;
///
/// let server = Longhaul::builder().store(testing::memory_store()).task(CountUp).concurrency(2).start()?;
/// let run = server.client().enqueue::<CountUp>(Count { to: 3 }).await?;
/// assert_eq!(run.outcome().await?.completed(), Some(3));
/// server.shutdown(Duration::from_secs(5)).await;
/// # Ok(())
/// # }
/// ```
///
/// Dropping it without a shutdown stops claiming and drops its attempts where they stand; their runs go on, from their
/// last checkpoint, when a server finds them.
#[must_use = "dropping it drops its attempts"]
pub struct Longhaul {
    executor: Arc<Executor>,
    client: Client,
    grace: Duration,
}

impl std::fmt::Debug for Longhaul {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Longhaul({})", self.executor.server())
    }
}

impl Longhaul {
    /// Puts a server together.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn new(executor: Arc<Executor>, client: Client, grace: Duration) -> Self {
        Self { executor, client, grace }
    }

    /// Enqueues runs, finds them and steers them.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Which incarnation of the server this is.
    pub fn server_id(&self) -> ServerId {
        self.executor.server()
    }

    /// Waits until the schedules that code declares are in the store, and may be looked at and changed. That is a moment
    /// after the start, unless the store fails. Cancel safe.
    pub async fn schedules_kept(&self) {
        self.executor.schedules_kept.cancelled().await;
    }

    /// Waits until the store breaks, and tells how: from then on nothing is claimed, and nothing more is kept until the
    /// store was opened anew. Never ready while all is well.
    ///
    /// Cancel safe.
    pub async fn broken(&self) -> StoreError {
        self.executor.store_broke.cancelled().await;
        self.executor.broken().cloned().expect("it is set before the token is cancelled")
    }

    /// Stops claiming, tells all attempts to stop, waits for them up to `grace`, drops what is left, and returns when
    /// everything is kept. The runs go on in the next process. Takes at most `grace` and a few seconds.
    pub async fn shutdown(self, grace: Duration) -> ShutdownReport {
        self.executor.shut_down(grace).await
    }

    /// Executes runs until the process is told to end by Ctrl-C or SIGTERM, then [shuts down](Longhaul::shutdown). It
    /// is the whole `main` of a server.
    ///
    /// A second signal ends the process at once, with exit code 130; the runs can still be resumed.
    ///
    /// # Errors
    /// When the store broke, with what to do; what it had acknowledged is safe. Or when the operating system does not
    /// let this process listen for signals.
    pub async fn run_until_signal(self) -> Result<ShutdownReport, RunError> {
        let signals = Signals::listen().map_err(|error| RunError::Signals(error.to_string()))?;
        self.run_until(signals).await
    }

    /// The same, with signals that were listened to before: one that came since then, while the server was being put
    /// together, is not lost.
    ///
    /// # Errors
    /// When the store broke.
    pub async fn run_until(self, mut signals: Signals) -> Result<ShutdownReport, RunError> {
        tokio::select! {
            signal = signals.next() => Ok(self.shutdown_on(signal, signals).await),
            error = self.broken() => {
                self.executor.shut_down(Duration::ZERO).await;
                Err(error.into())
            }
        }
    }

    async fn shutdown_on(&self, signal: Signal, mut signals: Signals) -> ShutdownReport {
        tracing::info!(%signal, grace = ?self.grace, "shutting down; a second signal ends the process at once");
        tokio::select! {
            report = self.executor.shut_down(self.grace) => report,
            second = signals.next() => {
                tracing::warn!(signal = %second, "second signal: ending at once");
                std::process::exit(signal::EXIT_CODE)
            }
        }
    }
}

/// Why a server ended without being told to.
///
/// ```no_run
/// # async fn main_of_a_server(server: longhaul::Longhaul) {
/// use longhaul::RunError;
///
/// match server.run_until_signal().await {
///     Ok(report) => println!("{} runs go on in the next process", report.suspended.len()),
///     Err(RunError::Store(error)) => eprintln!("{error}"), // says what to do
///     Err(error) => eprintln!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The store broke.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system does not let this process listen for signals.
    #[error("cannot listen for signals: {0}")]
    Signals(String),
}

impl Drop for Longhaul {
    fn drop(&mut self) {
        self.executor.abandon();
    }
}
