//! Brings what clients ask of running attempts.

use std::sync::Arc;

use longhaul_core::{limits::CLAIM_MAX, store::StopSignal};

use super::Executor;
use crate::{attempt::Attempt, backoff::ErrorBackoff};

/// Stop signals that are remembered for attempts to come: as many as runs can be claimed ahead. One that is forgotten is
/// brought by the attempt's first checkpoint.
const EARLY_MAX: usize = CLAIM_MAX;

pub(super) async fn stop_requests(executor: Arc<Executor>) {
    let mut incarnation = executor.server.subscribe();
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
            () = executor.finished.cancelled() => return,
        };
        match stop_requests {
            Ok(stop_requests) => {
                max_wait = ErrorBackoff::default();
                seen = stop_requests.position;
                stop_requests.stop_requests.into_iter().for_each(|order| executor.follow(order));
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "requests to running attempts wait for the store");
                max_wait.pause().await;
            }
            // Whoever writes finds out, and says so.
            Err(_) => return,
        }
    }
}

impl Executor {
    /// Hands an order to its attempt. The run may have been claimed ahead, its attempt still to begin.
    fn follow(&self, order: StopSignal) {
        let held = self.held();
        if let Some(held) = held.get(&(order.id, order.epoch)) {
            return held.attempt.follow(order.request);
        }
        let mut early = self.early.lock().expect("nothing panics while it is held");
        if early.len() == EARLY_MAX {
            early.pop_front();
        }
        early.push_back(order);
    }

    /// What was asked of the attempt before it was held.
    pub(super) fn apply_pending_stops(&self, attempt: &Attempt) {
        let mut early = self.early.lock().expect("nothing panics while it is held");
        if let Some(at) = early.iter().position(|order| (order.id, order.epoch) == (attempt.id, attempt.epoch)) {
            attempt.follow(early.remove(at).expect("it was found").request);
        }
    }
}
