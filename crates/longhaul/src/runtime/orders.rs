//! Brings what clients ask of running attempts.

use std::sync::Arc;

use longhaul_core::{limits::CLAIM_MAX, store::Order};

use super::Executor;
use crate::{attempt::Attempt, backoff::Patience};

/// Orders that are remembered for attempts to come: as many as runs can be claimed ahead. One that is forgotten is
/// brought by the attempt's first checkpoint.
const EARLY_MAX: usize = CLAIM_MAX;

pub(super) async fn orders(executor: Arc<Executor>) {
    let mut incarnation = executor.server.subscribe();
    let mut patience = Patience::default();
    let mut seen = 0;
    loop {
        let server = *incarnation.borrow_and_update();
        let orders = tokio::select! {
            orders = executor.store.orders(server, seen) => orders,
            _ = incarnation.changed() => {
                seen = 0;
                continue;
            }
            () = executor.finished.cancelled() => return,
        };
        match orders {
            Ok(orders) => {
                patience = Patience::default();
                seen = orders.position;
                orders.orders.into_iter().for_each(|order| executor.follow(order));
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "requests to running attempts wait for the store");
                patience.pause().await;
            }
            // Whoever writes finds out, and says so.
            Err(_) => return,
        }
    }
}

impl Executor {
    /// Hands an order to its attempt. The run may have been claimed ahead, its attempt still to begin.
    fn follow(&self, order: Order) {
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
    pub(super) fn follow_early(&self, attempt: &Attempt) {
        let mut early = self.early.lock().expect("nothing panics while it is held");
        if let Some(at) = early.iter().position(|order| (order.id, order.epoch) == (attempt.id, attempt.epoch)) {
            attempt.follow(early.remove(at).expect("it was found").request);
        }
    }
}
