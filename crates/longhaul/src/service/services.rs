//! The services of a server, as others see them.

use std::{fmt, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    ServiceFailed, ServiceInfo,
    cell::{Board, Cell},
};

/// The services of a server, and the state of each. From [`Longhaul::services`](crate::Longhaul::services); clones are
/// cheap and outlive the server, so that a page can show them while it shuts down.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{Longhaul, ServiceState, testing};
/// use std::time::Duration;
///
/// let server = Longhaul::builder()
///     .store(testing::memory_store())
///     .service_fn("ticker", |token| async move { token.cancelled().await })
///     .start()?;
/// let services = server.services();
/// // What a readiness probe asks:
/// services.until(|all| all.iter().all(|service| service.state == ServiceState::Running)).await;
/// # server.shutdown(Duration::from_secs(5)).await;
/// # assert_eq!(services.named("ticker").unwrap().state, ServiceState::Stopped);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Services {
    pub(super) cells: Arc<[Arc<Cell>]>,
    pub(super) board: Arc<Board>,
    /// Becomes cancelled when all have had their turn to start.
    pub(super) started: CancellationToken,
    /// Becomes cancelled when their server has ended.
    pub(super) stopped: CancellationToken,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

impl Services {
    /// All of them, in the order in which they were registered.
    pub fn all(&self) -> Vec<ServiceInfo> {
        self.board.infos.borrow().clone()
    }

    /// The service of this name.
    pub fn named(&self, name: &str) -> Option<ServiceInfo> {
        self.board.infos.borrow().iter().find(|service| &*service.name == name).cloned()
    }

    /// Waits until `holds` returns `true`, and returns the services as they are then. `holds` gets all of them, in the
    /// order in which they were registered. States that lasted only for a moment may be missed. Once their server has
    /// ended, it returns the final states without waiting any longer, because nothing changes any more.
    ///
    /// Cancel safe.
    pub async fn until(&self, mut holds: impl FnMut(&[ServiceInfo]) -> bool) -> Vec<ServiceInfo> {
        let mut infos = self.board.infos.subscribe();
        tokio::select! {
            biased;
            all = infos.wait_for(|all| holds(all)) => all.expect("the sender is held here").clone(),
            () = self.stopped.cancelled() => self.all(),
        }
    }

    /// Waits until all have had their turn to start. Cancel safe.
    pub(crate) async fn started(&self) {
        self.started.cancelled().await;
    }

    /// Waits until an essential one has failed for good. Cancel safe.
    pub(crate) async fn failed(&self) -> ServiceFailed {
        self.board.failed().await
    }
}
