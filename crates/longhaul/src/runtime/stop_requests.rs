//! Delivers what clients ask of running attempts.

use std::sync::Arc;

use super::executor::Executor;
use crate::backoff::ErrorBackoff;

pub(super) async fn stop_requests(executor: Arc<Executor>) {
    let mut incarnation = executor.attempts.incarnations();
    let mut max_wait = ErrorBackoff::default();
    let mut seen = 0;
    loop {
        let server = *incarnation.borrow_and_update();
        let stop_requests = tokio::select! {
            stop_requests = executor.store.stop_requests(server, seen) => stop_requests,
            _ = incarnation.changed() => {
                seen = 0;
                continue;
            }
            () = executor.exit.finished.cancelled() => return,
        };
        match stop_requests {
            Ok(stop_requests) => {
                max_wait = ErrorBackoff::default();
                seen = stop_requests.position;
                stop_requests.stop_requests.into_iter().for_each(|stop| executor.attempts.deliver(stop));
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "requests to running attempts wait for the store");
                max_wait.pause().await;
            }
            // The loops that write report it.
            Err(_) => return,
        }
    }
}
