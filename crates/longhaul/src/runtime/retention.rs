//! Removes final runs whose time has come.

use std::{sync::Arc, time::Duration};

use super::executor::Executor;
use crate::{backoff::ErrorBackoff, clock};

/// Runs removed in one call: few enough that claims do not wait for it.
const BATCH: usize = 100;
/// Between two looks, at least: removing a run a minute late harms nobody.
const EVERY: Duration = Duration::from_secs(60);

pub(super) async fn retain(executor: Arc<Executor>) {
    let retentions = executor.registry.retentions(executor.settings.retention);
    let mut max_wait = ErrorBackoff::default();
    loop {
        match executor.store.sweep(retentions.clone(), BATCH).await {
            Ok(swept) => {
                max_wait = ErrorBackoff::default();
                if swept.removed > 0 {
                    tracing::debug!(runs = swept.removed, "removed final runs whose retention has passed");
                }
                let soonest = executor.clock.now().after(EVERY);
                let next = match swept.next {
                    Some(next) if next <= executor.clock.now() => continue,
                    Some(next) => next.max(soonest),
                    None => soonest,
                };
                tokio::select! {
                    () = clock::sleep_until(&*executor.clock, next) => {}
                    () = executor.life.stopping.cancelled() => return,
                }
            }
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "removing old runs waits for the store");
                max_wait.pause().await;
            }
            Err(_) => return,
        }
        if executor.life.stopping.is_cancelled() {
            return;
        }
    }
}
