//! A handle on a server, for its services and for the handlers of a web server.

use std::fmt;

use tokio_util::sync::CancellationToken;

use crate::{Background, Client, Services, runtime::Life};

/// The client, the background work and the services of a server, for example for the handlers of a web server. From
/// [`Longhaul::handle`](crate::Longhaul::handle); functions of
/// [`service_fn_with_server`](crate::Builder::service_fn_with_server) get one too. Clones are cheap. They do not keep
/// the server alive, and dropping them does not end it.
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
    /// Enqueues runs, finds them and changes them. Calls that wait for a run end with the server.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Spawns background work.
    pub fn background(&self) -> Background {
        self.background.clone()
    }

    /// The services, and the state of each: for a readiness probe.
    pub fn services(&self) -> Services {
        self.services.clone()
    }

    /// Becomes cancelled when the server begins to shut down, was dropped, or its store broke. Cancelling the
    /// token yourself stops nothing.
    pub fn stopping(&self) -> CancellationToken {
        self.life.stopping.child_token()
    }
}
