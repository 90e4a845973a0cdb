//! Fire and forget: work in this process that only a shutdown waits for.

mod end;
mod error;
mod status;
mod work;

use std::{fmt, sync::Arc};

use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

pub use error::SpawnError;
pub use status::{BackgroundStatus, WorkFailure};

use crate::{
    panics::{self, CatchPanic},
    service::ServiceReturn,
    telemetry,
};
use work::{Entry, State};

/// Spawns background work that no caller waits for: sending a mail after an order, warming a cache, calling a slow
/// service. From [`Longhaul::background`](crate::Longhaul::background). Clones are cheap; give one to each handler of a
/// web server.
///
/// **It is not stored.** A crash, a kill, or a shutdown whose grace is too short loses it, and it is not tried again.
/// Work that must happen is a [`Task`](crate::Task): enqueue a run. What this adds to `tokio::spawn`: a shutdown waits
/// for the work and tells it to stop, errors and panics are reported by name, it is counted, and there is a bound.
///
/// ```
/// use longhaul::{AnyError, Background, SpawnError};
///
/// async fn send(_to: String) -> Result<(), AnyError> {
///     Ok(()) // … slow, and it may fail …
/// }
///
/// /// A handler of a web server: it answers before the mail is sent.
/// fn order(background: &Background, customer: String) -> Result<(), SpawnError> {
///     background.spawn("order-mail", |token| async move {
///         match token.run_until_cancelled(send(customer)).await {
///             Some(sent) => sent,
///             None => Err(AnyError::msg("no time left to send it")), // the server is shutting down
///         }
///     })
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = longhaul::doc::server();
/// let background = server.background();
/// order(&background, "ann".into())?;
/// background.idle().await; // in a test
/// assert_eq!((background.status().ended, background.status().failed), (1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Background {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    state: watch::Sender<State>,
    /// Cancelled to ask the work to stop.
    told: CancellationToken,
    /// Cancelled when the time is up: work is dropped at its current await.
    over: CancellationToken,
    runtime: Handle,
    limits: Limits,
}

/// How much work may be in flight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) max: usize,
    pub(crate) blocking_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Work in flight holds memory and is lost in a crash. More than this means that it arrives faster than it can
            // be done; then it is better to refuse it than to let it grow.
            max: 1024,
            // Each occupies a thread.
            blocking_max: 64,
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Background").field(&self.status()).finish()
    }
}

impl Background {
    /// For work on the current tokio runtime.
    pub(crate) fn new(limits: Limits) -> Self {
        let state = watch::Sender::new(State::default());
        let [told, over] = [(); 2].map(|()| CancellationToken::new());
        Self { inner: Arc::new(Inner { state, told, over, runtime: Handle::current(), limits }) }
    }

    /// Starts `work` at once, and returns. It runs concurrently until it ends. Its token is cancelled when the server
    /// shuts down, and it should end then. Work that is left when the grace is over is dropped at its next await, and
    /// listed in [`ShutdownReport::background`](crate::ShutdownReport::background).
    ///
    /// It may return nothing, or a `Result`; errors and panics are logged and counted. Several pieces of work may have
    /// the same name. It can be called from any thread.
    ///
    /// # Errors
    /// When the server is shutting down, or as much work is in flight as [allowed](crate::Builder::background_max).
    /// Then the work is dropped without being started.
    pub fn spawn<F, Fut>(&self, name: impl Into<Arc<str>>, work: F) -> Result<(), SpawnError>
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output: ServiceReturn> + Send + 'static,
    {
        let name = name.into();
        let span = telemetry::background_span(&name);
        let entry = Entry::enter(&self.inner, name, false)?;
        let token = self.inner.told.child_token();
        let user = CatchPanic(Box::pin(async move { work(token).await.failure() }));
        let followed = async move { entry.follow(user).await };
        self.inner.runtime.spawn(followed.instrument(span));
        Ok(())
    }

    /// The same for work that blocks or computes, on a thread of its own. A thread cannot be dropped, so `work` should
    /// check its token regularly. A shutdown waits for it within the grace, and reports it as blocked if it goes on. It
    /// does not delay the end of the process.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = longhaul::doc::server();
    /// server.background().spawn_blocking("thumbnails", |token| {
    ///     for _page in 0..100 {
    ///         if token.is_cancelled() {
    ///             return;
    ///         }
    ///         // … compute …
    ///     }
    /// })?;
    /// # server.background().idle().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn), with a [limit of its own](crate::Builder::background_blocking_max); or when the
    /// operating system cannot start a thread.
    pub fn spawn_blocking<F, R>(&self, name: impl Into<Arc<str>>, work: F) -> Result<(), SpawnError>
    where
        F: FnOnce(CancellationToken) -> R + Send + 'static,
        R: ServiceReturn,
    {
        let name = name.into();
        let span = telemetry::background_span(&name);
        let entry = Entry::enter(&self.inner, name.clone(), true)?;
        let token = self.inner.told.child_token();
        // Not one of the runtime's threads: the runtime would wait for it when it ends.
        let thread = std::thread::Builder::new().name(format!("longhaul-{name}"));
        let spawned = thread.spawn(move || {
            let _entered = span.entered();
            entry.ended(panics::catch(|| work(token).failure()));
        });
        spawned.map(drop).map_err(|error| SpawnError::NoThread { name, reason: error.to_string() })
    }

    /// The work in flight, and how the rest ended.
    pub fn status(&self) -> BackgroundStatus {
        self.inner.state.borrow().status()
    }

    /// Waits until no work is in flight, including work that is spawned meanwhile: for tests.
    ///
    /// Cancel safe.
    pub async fn idle(&self) {
        let mut state = self.inner.state.subscribe();
        state.wait_for(State::is_idle).await.expect("the sender is held here");
    }
}
