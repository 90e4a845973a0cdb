//! What a server's own services have of it.

use std::fmt;

use tokio_util::sync::CancellationToken;

use crate::{Background, Client, Services, runtime::Life};

/// What of a server is of use beside it: for the handlers of a web server, or whatever else serves others. From
/// [`Longhaul::handle`](crate::Longhaul::handle), and handed to the functions of
/// [`service_fn_with_server`](crate::Builder::service_fn_with_server). Clones are cheap; they keep no server alive, and
/// dropping them ends none.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = longhaul::doc::server();
/// let handle = server.handle();
/// assert!(!handle.stopping().is_cancelled() && handle.services().all().is_empty());
/// server.shutdown(std::time::Duration::from_secs(5)).await;
/// assert!(handle.stopping().is_cancelled());
/// # }
/// ```
#[derive(Clone)]
pub struct ServerHandle {
    pub(crate) client: Client,
    pub(crate) background: Background,
    pub(crate) services: Services,
    pub(crate) life: Life,
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle")
            .field("stopping", &self.life.stopping.is_cancelled())
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

impl ServerHandle {
    /// Enqueues runs, finds them and steers them. What waits on it ends with the server.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Spawns work that nobody waits for.
    pub fn background(&self) -> Background {
        self.background.clone()
    }

    /// The services, and how each of them is: for a readiness probe.
    pub fn services(&self) -> Services {
        self.services.clone()
    }

    /// Becomes cancelled when the server begins to shut down, was dropped, or its store broke. Cancelling it oneself
    /// stops nothing.
    pub fn stopping(&self) -> CancellationToken {
        self.life.stopping.child_token()
    }
}
