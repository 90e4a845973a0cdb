//! A server: the executor of this process, from start to shutdown.

mod handle;

use std::{sync::Arc, time::Duration};

use longhaul_core::{ServerId, StoreError};
use tokio_util::sync::CancellationToken;

pub use handle::ServerHandle;

use crate::{
    background::{Background, SpawnError},
    client::Client,
    runtime::{Abandonment, Executor, ShutdownReport},
    service::{ServiceFailed, ServiceReturn, Services},
    signal::{Signal, Signals},
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
/// # Dropping it
/// An early `?` in `main`, or a panic, drops it without a shutdown. Then it stops claiming and drops its attempts at
/// their current await, without a grace. It stores what they had changed and gives their runs back, so that it does not
/// count as a crash. Dropping blocks for this time, usually a commit or two. After 3 s it gives up: then the runs go on
/// when the lease has expired, as after a crash. The same happens when the runtime that it was started on is dropped
/// first.
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
    pub(crate) fn new(executor: Arc<Executor>, client: Client, grace: Duration) -> Self {
        Self { executor, client, grace }
    }

    /// Enqueues runs, finds them and changes them.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The client, the services and the background work of this server, in one value that can be cloned.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            client: self.client(),
            background: self.background(),
            services: self.services(),
            life: self.executor.life.clone(),
        }
    }

    /// Which incarnation of the server this is.
    pub fn server_id(&self) -> ServerId {
        self.executor.server()
    }

    /// Waits until the schedules that code declares are in the store, and can be read and changed. That takes a moment
    /// after the start, or longer if the store fails. Cancel safe.
    pub async fn schedules_ready(&self) {
        self.executor.schedules_ready.cancelled().await;
    }

    /// Waits until the store breaks, and returns the error: from then on nothing is claimed, and nothing is kept until
    /// the store is opened again. Pending for as long as the store works.
    ///
    /// Cancel safe.
    pub async fn broken(&self) -> StoreError {
        self.executor.store_broke.cancelled().await;
        self.executor.broken().cloned().expect("it is set before the token is cancelled")
    }

    /// Becomes cancelled when this server begins to shut down, was dropped, or its store broke. Cancelling the
    /// token yourself stops nothing. See [`Client::stopping`] for the same in a web server's handlers.
    pub fn stopping(&self) -> CancellationToken {
        self.executor.life.stopping.child_token()
    }

    /// The services of this server, and the state of each.
    pub fn services(&self) -> Services {
        self.executor.companions.services.clone()
    }

    /// Waits until an [essential](crate::ServiceOptions::essential) service has failed for good, and returns which.
    /// Pending for as long as none has.
    ///
    /// Cancel safe.
    pub async fn service_failed(&self) -> ServiceFailed {
        self.executor.companions.services.failed().await
    }

    /// Spawns background work; can be cloned into a web server's handlers, for instance.
    pub fn background(&self) -> Background {
        self.executor.companions.background.clone()
    }

    /// Begins work in the background. It is not stored: a crash loses it. See [`Background::spawn`].
    ///
    /// # Errors
    /// When the server is shutting down, or as much work is in flight as [allowed](crate::Builder::background_max).
    pub fn spawn<F, Fut>(&self, name: impl Into<Arc<str>>, work: F) -> Result<(), SpawnError>
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output: ServiceReturn> + Send + 'static,
    {
        self.executor.companions.background.spawn(name, work)
    }

    /// The same for work that blocks or computes, on a thread of its own. See [`Background::spawn_blocking`].
    ///
    /// # Errors
    /// The same, with a [limit of its own](crate::Builder::background_blocking_max); or when the operating system
    /// cannot start a thread.
    pub fn spawn_blocking<F, R>(&self, name: impl Into<Arc<str>>, work: F) -> Result<(), SpawnError>
    where
        F: FnOnce(CancellationToken) -> R + Send + 'static,
        R: ServiceReturn,
    {
        self.executor.companions.background.spawn_blocking(name, work)
    }

    /// Stops claiming; stops the services, the last one first; tells all attempts to stop; waits for them and for work
    /// in the background; drops what is left; and returns when everything is kept. The runs go on in the next process.
    ///
    /// All the waiting together takes at most `grace`, and the rest a few seconds.
    pub async fn shutdown(self, grace: Duration) -> ShutdownReport {
        self.executor.shut_down(grace).await
    }

    /// Executes runs until the process is told to end by Ctrl-C or SIGTERM, then [shuts down](Longhaul::shutdown). It
    /// is the whole `main` of a server.
    ///
    /// A second signal ends the process at once, with exit code 130, even while every thread of the runtime is blocked;
    /// the runs can still be resumed. See [`Signals`].
    ///
    /// # Errors
    /// When the store broke, with what to do; what it had acknowledged is safe. When an essential service has failed
    /// for good. Or when the operating system does not let this process listen for signals.
    pub async fn run_until_signal(self) -> Result<ShutdownReport, RunError> {
        let signals = Signals::listen().map_err(|error| RunError::Signals(error.to_string()))?;
        self.run_until(signals).await
    }

    /// The same, with signals that were listened to before: one that came since then, while the server was being put
    /// together, is not lost.
    ///
    /// # Errors
    /// When the store broke, or an essential service has failed for good.
    pub async fn run_until(self, mut signals: Signals) -> Result<ShutdownReport, RunError> {
        let ended: Result<Signal, RunError> = tokio::select! {
            signal = signals.next() => Ok(signal),
            error = self.broken() => Err(error.into()),
            failed = self.service_failed() => Err(failed.into()),
        };
        let grace = self.grace;
        match ended {
            Ok(signal) => {
                tracing::info!(%signal, ?grace, "shutting down; a second signal ends the process at once");
                // The signals live until the end: while they do, the second one is recognised.
                let report = self.executor.shut_down(grace).await;
                drop(signals);
                Ok(report)
            }
            Err(error) => {
                signals.end_at_next();
                tracing::error!(%error, ?grace, "shutting down; a signal ends the process at once");
                if matches!(error, RunError::Store(_)) {
                    self.executor.shut_down_broken(grace).await;
                } else {
                    self.executor.shut_down(grace).await;
                }
                drop(signals);
                Err(error)
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
#[non_exhaustive]
pub enum RunError {
    /// The store broke.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An essential service has failed for good.
    #[error(transparent)]
    Service(#[from] ServiceFailed),
    /// The operating system does not let this process listen for signals.
    #[error("cannot listen for signals: {0}")]
    Signals(String),
}

/// Drops the attempts, and gives back what was claimed.
impl Drop for Longhaul {
    fn drop(&mut self) {
        let panics = std::thread::panicking();
        self.executor.abandon(if panics { Abandonment::Panicked } else { Abandonment::Dropped });
    }
}
