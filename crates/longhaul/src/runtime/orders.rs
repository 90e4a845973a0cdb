//! Brings what clients ask of running attempts.

use std::sync::Arc;

use super::Executor;
use crate::backoff::Patience;

pub(super) async fn orders(executor: Arc<Executor>) {
    let mut patience = Patience::default();
    let mut seen = 0;
    loop {
        let orders = tokio::select! {
            orders = executor.store.orders(executor.server(), seen) => orders,
            () = executor.finished.cancelled() => return,
        };
        match orders {
            Ok(orders) => {
                patience = Patience::default();
                seen = orders.position;
                for order in orders.orders {
                    let attempt = executor.held().get(&(order.id, order.epoch)).map(|held| held.attempt.clone());
                    // One that is not held yet, or not any more, hears of it by its claim, or needs not.
                    if let Some(attempt) = attempt {
                        attempt.follow(order.request);
                    }
                }
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
