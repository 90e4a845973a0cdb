//! A socket in the folder of a running server, on which it answers the [JSON API](crate::api).
//!
//! The store in a folder belongs to one process. So a command line cannot open the folder of a running server, and asks
//! the server instead. [`Inspect::inspect`] makes it listen.
//!
//! The socket is `longhaul.sock` in the folder. Only the user of the server may connect to it (mode 0600), and whoever
//! connects may do everything: there are no further roles. It speaks HTTP/1.1:
//!
//! | method and path | what |
//! | --- | --- |
//! | `GET /api` | `{"api": "v1", "version": …, "pid": …}` |
//! | `/api/v1/…` | the [JSON API](crate::api) |
//! | `/api/…` | 404 with the code `other_version`: the caller speaks another version of the API |
//!
//! The header [`longhaul-actor`](crate::api::ACTOR_HEADER) says in whose name an action is done.

mod answer;
mod listen;
mod place;
mod stale;

use std::{path::Path, sync::Arc};

use longhaul::{AnyError, Builder};

pub use answer::BODY_MAX;
pub use place::{PATH_MAX, find};

use crate::Inspector;

/// Makes a server listen on a socket in a folder.
pub trait Inspect: Sized {
    /// While the server runs, it answers the JSON API on the socket `longhaul.sock` in `folder`, as the service
    /// `inspect`. `folder` is the one of its store, so that a command line finds the socket there; it is created if it
    /// is missing. A socket that a killed process left is replaced. The socket is removed when the server ends.
    ///
    /// Off unless this is called. If the socket cannot be made, the service fails and is started again as
    /// [`Restart`](longhaul::Restart) says; runs are executed all the same.
    ///
    /// ```
    /// use longhaul::Longhaul;
    /// use longhaul_inspect::Inspect;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// let server = Longhaul::builder().store(longhaul::open(folder)?).inspect(folder).start()?;
    /// server.services().until(|all| all[0].state == longhaul::ServiceState::Running).await;
    /// # server.shutdown(std::time::Duration::from_secs(5)).await;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    fn inspect(self, folder: impl AsRef<Path>) -> Self;
}

impl Inspect for Builder {
    fn inspect(self, folder: impl AsRef<Path>) -> Self {
        let folder: Arc<Path> = folder.as_ref().into();
        self.service_fn_with_server("inspect", move |server, stopping| {
            let folder = folder.clone();
            async move {
                listen::listen(&folder, Inspector::new(server.client()), stopping).await?;
                Ok::<_, AnyError>(())
            }
        })
    }
}
