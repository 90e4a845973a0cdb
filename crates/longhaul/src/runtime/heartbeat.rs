//! Says that this server lives, from a thread of its own: a task that blocks the runtime must not cost all others
//! their claims.

use std::sync::Arc;

use longhaul_core::store::{ServerBeat, ServerError};

use super::Executor;
use crate::clock;

/// Beats in one lease: two may be lost before the server is taken for dead.
const BEATS_PER_LEASE: u32 = 3;

pub(super) fn spawn(executor: Arc<Executor>) {
    let alive = executor.loops.token();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let beating = std::thread::Builder::new().name("longhaul-heartbeat".into()).spawn(move || {
        match runtime {
            Ok(runtime) => runtime.block_on(beat(&executor)),
            Err(error) => tracing::error!(%error, "no runtime for heartbeats"),
        }
        drop(alive);
    });
    if let Err(error) = beating {
        tracing::error!(%error, "no thread for heartbeats");
    }
}

async fn beat(executor: &Executor) {
    let lease = executor.settings.lease;
    let kinds: Arc<[_]> = executor.registry.support().into();
    let mut renewed = executor.clock.now();
    loop {
        let beat = ServerBeat {
            server: executor.server(),
            name: executor.settings.name.clone(),
            lease,
            kinds: kinds.clone(),
            labels: executor.settings.labels.clone(),
        };
        let sent = executor.clock.now();
        match executor.store.heartbeat(beat).await {
            Ok(()) => {
                renewed = sent;
                match executor.store.expire().await {
                    Ok(0) => {}
                    Ok(runs) => tracing::warn!(runs, "took runs away from servers whose lease ran out"),
                    Err(error) => tracing::warn!(%error, "could not look for dead servers"),
                }
            }
            Err(ServerError::Dead(_)) => executor.new_incarnation(),
            Err(ServerError::Store(error)) if executor.clock.now().since(renewed) >= lease => {
                tracing::error!(%error, "could not renew the lease");
                executor.new_incarnation();
                renewed = executor.clock.now();
            }
            Err(ServerError::Store(error)) => tracing::warn!(%error, "a heartbeat failed"),
        }
        tokio::select! {
            // Counted from the beat, so that one follows at once when the time has jumped meanwhile.
            () = clock::sleep_until(&*executor.clock, sent.after(lease / BEATS_PER_LEASE)) => {}
            () = executor.finished.cancelled() => return,
        }
    }
}
