//! Says that this server lives, from a thread of its own: a task that blocks the runtime must not cost all others
//! their claims. The same thread gives the claims back when the server goes without a shutdown.

use std::{io, sync::Arc};

use longhaul_core::store::{ServerBeat, ServerError};
use tokio::{runtime, sync::oneshot};

use super::{abandon, executor::Executor};
use crate::clock;

/// Beats in one lease: two may be lost before the server is taken for dead.
const BEATS_PER_LEASE: u32 = 3;

/// The thread, before there is a server to beat for: one that cannot beat is not started.
pub(crate) struct Heart {
    executor: oneshot::Sender<Arc<Executor>>,
}

impl Heart {
    /// # Errors
    /// When the operating system has no room for one more thread, or for what its runtime opens.
    pub(crate) fn new() -> io::Result<Self> {
        let (executor, started) = oneshot::channel::<Arc<Executor>>();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("longhaul-heartbeat".into()).spawn(move || {
            runtime.block_on(async {
                // Otherwise the server was refused for another reason.
                if let Ok(executor) = started.await {
                    live(&executor).await;
                }
            });
        })?;
        Ok(Self { executor })
    }

    pub(crate) fn beat_for(self, executor: Arc<Executor>) {
        assert!(self.executor.send(executor).is_ok(), "the thread waits for it");
    }
}

/// Until the server has ended, in good order or not.
async fn live(executor: &Arc<Executor>) {
    let _over = executor.exit.over.end_on_drop();
    {
        let _alive = executor.loops.others.token();
        tokio::select! {
            () = beat(executor) => {}
            () = executor.exit.abandoned.cancelled() => {}
        }
    }
    tokio::select! {
        biased;
        () = executor.exit.over.ended() => {}
        () = executor.exit.abandoned.cancelled() => abandon::give_back(executor).await,
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
            Err(ServerError::Dead(_)) => executor.attempts.fence(executor.clock.now()),
            Err(ServerError::Store(error)) if executor.clock.now().since(renewed) >= lease => {
                tracing::error!(%error, "could not renew the lease");
                executor.attempts.fence(executor.clock.now());
                renewed = executor.clock.now();
            }
            Err(ServerError::Store(error)) => tracing::warn!(%error, "a heartbeat failed"),
        }
        tokio::select! {
            // Counted from the beat, so that one follows at once when the time has jumped meanwhile.
            () = clock::sleep_until(&*executor.clock, sent.after(lease / BEATS_PER_LEASE)) => {}
            () = executor.exit.finished.cancelled() => return,
        }
    }
}
