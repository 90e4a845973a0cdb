//! Tells, now and then, how many runs wait in which queue.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::executor::Executor;
use crate::{clock, telemetry::metrics};

/// Recorders are read every 10 to 60 seconds; looking more often shows nothing more.
const EVERY: Duration = Duration::from_secs(15);

pub(super) async fn tell(executor: Arc<Executor>) {
    let mut told = BTreeSet::new();
    loop {
        match executor.store.queues().await {
            Ok(depths) => {
                let now = executor.clock.now();
                let mut gone = std::mem::take(&mut told);
                for depth in depths {
                    metrics::depth(&depth.queue, depth.due, now.since(depth.oldest));
                    gone.remove(&depth.queue);
                    told.insert(depth.queue);
                }
                for queue in gone {
                    metrics::depth(&queue, 0, Duration::ZERO);
                }
            }
            Err(error) if error.is_transient() => tracing::debug!(%error, "the depths of queues are told later"),
            Err(_) => return,
        }
        tokio::select! {
            () = clock::elapse(&*executor.clock, EVERY) => {}
            () = executor.life.stopping.cancelled() => return,
        }
    }
}
