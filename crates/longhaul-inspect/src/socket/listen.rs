//! The service that listens.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use longhaul::CancellationToken;
use tokio::{
    net::{UnixListener, UnixSocket, UnixStream},
    sync::Semaphore,
    task::JoinSet,
};

use super::{answer::answer, place::Place, stale::remove_stale};
use crate::Inspector;

/// Connections at a time; more wait. A person has one, a monitor another.
const CONNECTIONS_MAX: usize = 64;
/// Those that wait until they are accepted.
const BACKLOG: u32 = 64;
/// A head longer than this is refused: the longest query is far below.
const HEAD_MAX: usize = 64 << 10;

/// Listens until `stopping` is cancelled, then answers what was asked before, and removes the socket.
pub(super) async fn listen(folder: &Path, inspector: Inspector, stopping: CancellationToken) -> io::Result<()> {
    let place = Place::make(folder)?;
    let listener = bind(&place.path)?;
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Dropped with this future, which ends them all.
    let mut connections = JoinSet::new();
    let result = loop {
        while connections.try_join_next().is_some() {}
        let accept = async {
            let permit = permits.clone().acquire_owned().await.expect("it is never closed");
            listener.accept().await.map(|(stream, _)| (stream, permit))
        };
        let (stream, permit) = match stopping.run_until_cancelled(accept).await {
            None => break Ok(()),
            Some(Err(error)) => break Err(error),
            Some(Ok(accepted)) => accepted,
        };
        let (inspector, stopping) = (inspector.clone(), stopping.clone());
        connections.spawn(async move {
            serve(stream, inspector, stopping).await;
            drop(permit);
        });
    };
    // Removed before the last answers: who comes now finds no socket instead of one that does not answer.
    let removed = place.remove();
    while connections.join_next().await.is_some() {}
    result.and(removed)
}

async fn serve(stream: UnixStream, inspector: Inspector, stopping: CancellationToken) {
    let service = service_fn(|request| {
        let (inspector, stopping) = (inspector.clone(), stopping.clone());
        async move { Ok::<_, std::convert::Infallible>(answer(&inspector, &stopping, request).await) }
    });
    let connection = http1::Builder::new().max_buf_size(HEAD_MAX).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The other side went away, or does not speak HTTP.
        tracing::debug!(target: "longhaul::inspect", %error, "a connection to the socket broke off");
    }
}

/// Nobody can connect before the mode is set: until it listens, a socket refuses everyone.
fn bind(path: &Path) -> io::Result<UnixListener> {
    remove_stale(path)?;
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    socket.listen(BACKLOG)
}
