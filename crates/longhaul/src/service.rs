//! Services: long-lived parts of a server that are not runs.

mod cell;
mod erased;
mod function;
mod health;
mod json;
mod new;
mod options;
mod periodic;
mod returned;
mod services;
mod start;
mod stop;
mod supervise;

use tokio_util::sync::CancellationToken;

pub use health::{ServiceError, ServiceFailed, ServiceInfo, ServiceState};
pub use options::{Restart, ServiceOptions};
pub use returned::ServiceReturn;
pub use services::Services;
pub use stop::NotStopped;

pub(crate) use function::{Function, FunctionWithServer};
pub(crate) use new::{NewService, Refused};
pub(crate) use periodic::Periodic;
pub(crate) use stop::DROPPING;

use crate::AnyError;

/// A long-lived part of a server that is not a run: a listener, a consumer of messages, a cache that is kept warm. It
/// lives as long as the server. It is not stored, and nothing of it survives the process.
///
/// Everything but the name has a default, so a service implements only what it needs: `start` and `stop` if it has to
/// open and close something, `run` if it works on its own.
///
/// ```
/// use longhaul::{AnyError, CancellationToken, Longhaul, Service, ServiceState, testing};
/// use std::time::Duration;
/// use tokio::sync::{Mutex, mpsc};
///
/// struct Mails {
///     inbox: Mutex<mpsc::Receiver<String>>,
/// }
///
/// impl Service for Mails {
///     fn name(&self) -> &str {
///         "mails"
///     }
///
///     async fn run(&self, token: CancellationToken) -> Result<(), AnyError> {
///         let mut inbox = self.inbox.lock().await;
///         while let Some(Some(mail)) = token.run_until_cancelled(inbox.recv()).await {
///             println!("to {mail}");
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (send, inbox) = mpsc::channel(16);
/// let mails = Mails { inbox: Mutex::new(inbox) };
/// let server = Longhaul::builder().store(testing::memory_store()).service(mails).start()?;
/// let services = server.services();
/// services.until(|all| all[0].state == ServiceState::Running).await;
/// send.send("ann".into()).await?;
///
/// let report = server.shutdown(Duration::from_secs(5)).await;
/// assert!(report.services.is_empty(), "all of them stopped in time");
/// assert_eq!(services.named("mails").unwrap().state, ServiceState::Stopped);
/// # Ok(())
/// # }
/// ```
///
/// # What is guaranteed
/// - Services start one after the other, in the order in which they were registered. The next one starts when the one
///   before it has started, or has failed to start for the first time; if that one is
///   [essential](ServiceOptions::essential), only when it has started. Runs are claimed after all services had their
///   turn.
/// - They stop in the opposite order, after claiming has stopped and before runs are asked to stop.
/// - For each `start` that returned `Ok`, `stop` is called once, when `run` has ended in whatever way. It is skipped
///   only if the time of a shutdown is up.
/// - A panic in any of the three counts as a failure, and affects no other service. [`Restart`] says what follows a
///   failure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no service",
    label = "this is not a `Service`",
    note = "write `impl Service for {Self}` with its `name` and what it does in `run`, or give a function to `service_fn`"
)]
pub trait Service: Send + Sync + 'static {
    /// Its name in logs, in [`Services`] and in the report of a shutdown: 1 to 128 bytes, unique among the services of
    /// the server. Called once, when it is registered.
    fn name(&self) -> &str;

    /// What happens when it fails, and how much time it gets. Called once, when it is registered.
    fn options(&self) -> ServiceOptions {
        ServiceOptions::default()
    }

    /// Gets it ready. Services that start after it can rely on that.
    ///
    /// # Cancel safety
    /// It is dropped at an await when it takes longer than [`start_within`](ServiceOptions::start_within), or when the
    /// server shuts down meanwhile. Then it has not started, and `stop` is not called.
    fn start(&self) -> impl Future<Output = Result<(), AnyError>> + Send {
        async { Ok(()) }
    }

    /// Does its work, until the token is cancelled. The default only waits for that.
    ///
    /// # Cancel safety
    /// It is dropped at an await when it does not end within [`stop_within`](ServiceOptions::stop_within) after the
    /// token was cancelled, or within the time that the shutdown has left.
    fn run(&self, token: CancellationToken) -> impl Future<Output = Result<(), AnyError>> + Send {
        async move {
            token.cancelled().await;
            Ok(())
        }
    }

    /// Releases what `start` acquired.
    ///
    /// # Cancel safety
    /// It has to end within the same time as `run`, and is dropped when that is up.
    fn stop(&self) -> impl Future<Output = Result<(), AnyError>> + Send {
        async { Ok(()) }
    }
}
