//! Fire and forget: work in this process that nobody waits for, but a shutdown.

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

/// Spawns work that nobody waits for: the mail after an order, a cache to be warmed, a call to a slow neighbour. From
/// [`Longhaul::background`](crate::Longhaul::background); clones are cheap, and are what a web server's handlers hold.
///
/// **It is not stored.** A crash, a kill, or a shutdown whose grace is too short loses it, and nobody tries again. What
/// has to happen is a [`Task`](crate::Task): enqueue a run. What this adds to `tokio::spawn`: a shutdown waits for the
/// work and tells it to stop, errors and panics are reported by name, it is counted, and there is a bound.
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
    /// It was told to stop.
    told: CancellationToken,
    /// The time is over: work is dropped where it stands.
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
            // What is in flight is lost by a crash, and holds memory. More than this means that it comes in faster than
            // it can be done, and then it is better to say so to whoever asks than to grow.
            max: 1024,
            // Each is a thread.
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
    /// On the tokio runtime that this is called on.
    pub(crate) fn new(limits: Limits) -> Self {
        let state = watch::Sender::new(State::default());
        let [told, over] = [(); 2].map(|()| CancellationToken::new());
        Self { inner: Arc::new(Inner { state, told, over, runtime: Handle::current(), limits }) }
    }

    /// Begins `work` at once, and returns. It goes on beside all else until it ends; its token is cancelled when the
    /// server shuts down, and it should end then. What is left when the grace is over is dropped at its next await, and
    /// named in [`ShutdownReport::background`](crate::ShutdownReport::background).
    ///
    /// It may return nothing, or a `Result` whose error is reported; so are panics. Several may have the same name. It
    /// can be called from any thread.
    ///
    /// # Errors
    /// When the server is shutting down, or there is as much [in flight](crate::Builder::background_max) as may be. The
    /// work is dropped then, and was not begun.
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

    /// The same for work that blocks or computes, on a thread of its own. A thread cannot be dropped: `work` should look
    /// at its token now and then. A shutdown waits for it within the grace, and names it as blocked if it goes on; it
    /// does not hold up the end of the process.
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
    /// As [`spawn`](Self::spawn), with a [bound of its own](crate::Builder::background_blocking_max); or when the
    /// operating system gives no thread.
    pub fn spawn_blocking<F, R>(&self, name: impl Into<Arc<str>>, work: F) -> Result<(), SpawnError>
    where
        F: FnOnce(CancellationToken) -> R + Send + 'static,
        R: ServiceReturn,
    {
        let name = name.into();
        let span = telemetry::background_span(&name);
        let entry = Entry::enter(&self.inner, name.clone(), true)?;
        let token = self.inner.told.child_token();
        // Not one of the runtime's threads, which it would wait for when it ends.
        let thread = std::thread::Builder::new().name(format!("longhaul-{name}"));
        let spawned = thread.spawn(move || {
            let _entered = span.entered();
            entry.ended(panics::catch(|| work(token).failure()));
        });
        spawned.map(drop).map_err(|error| SpawnError::NoThread { name, reason: error.to_string() })
    }

    /// What is in flight, and what became of the rest.
    pub fn status(&self) -> BackgroundStatus {
        self.inner.state.borrow().status()
    }

    /// Waits until nothing is in flight: for tests. What is spawned meanwhile is waited for as well.
    ///
    /// Cancel safe.
    pub async fn idle(&self) {
        let mut state = self.inner.state.subscribe();
        state.wait_for(State::is_idle).await.expect("the sender is held here");
    }
}
