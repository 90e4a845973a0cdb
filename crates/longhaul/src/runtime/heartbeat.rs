//! Says that this server lives, from a thread of its own: a task that blocks the runtime must not cost all others
//! their claims. The same thread gives the claims back when the server goes without a shutdown.

use std::{io, sync::Arc, time::Duration};

use longhaul_core::{
    StoreError,
    store::{Call, ServerBeat, ServerError},
};
use tokio::{runtime, sync::oneshot};

use super::{abandon, executor::Executor};
use crate::clock;

/// When a server renews its lease, and when it gives it up. All parts of a second follow from the lease: with one of 15 s,
/// a beat is sent every 5 s, given up after 4 s, and the attempts end 14 s after the last beat that was answered was sent.
/// So two beats may be lost, and the attempts are told to stop before another server may take their runs.
#[derive(Debug, Clone, Copy)]
struct Rhythm {
    lease: Duration,
}

impl Rhythm {
    /// From one beat to the next.
    fn period(self) -> Duration {
        self.lease / 3
    }

    /// How long the answer to a beat is waited for.
    fn patience(self) -> Duration {
        self.lease * 4 / 15
    }

    /// From the last beat that was answered until the attempts are told to stop.
    fn fence(self) -> Duration {
        self.lease * 14 / 15
    }

    /// How long before the end of the lease that is. A beat that is sent later still, because the process stood still,
    /// gets this long to be answered.
    fn margin(self) -> Duration {
        self.lease / 15
    }
}

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
    let clock = &*executor.clock;
    let rhythm = Rhythm { lease: executor.settings.lease };
    let kinds: Arc<[_]> = executor.registry.support().into();
    let mut fence = clock.monotonic() + rhythm.fence();
    loop {
        let beat = ServerBeat {
            server: executor.server(),
            name: executor.settings.name.clone(),
            lease: rhythm.lease,
            kinds: kinds.clone(),
            labels: executor.settings.labels.clone(),
        };
        let (sent_at, sent) = (clock.now(), clock.monotonic());
        let answer = tokio::select! {
            // A process that stood still until its lease had ended may have kept it, if nobody else looked.
            biased;
            answer = clock::within(rhythm.patience(), executor.store.heartbeat(beat)) => answer,
            // The call may never return.
            () = clock::elapsed(clock, fence.max(sent + rhythm.margin())) => None,
        };
        let answer = answer.unwrap_or_else(|| Err(unanswered(clock.monotonic().saturating_sub(sent)).into()));
        match answer {
            Ok(()) => {
                fence = sent + rhythm.fence();
                expire(executor, rhythm).await;
            }
            Err(ServerError::Dead(_)) => {
                executor.attempts.fence(executor.clock.now());
                fence = clock.monotonic() + rhythm.fence();
            }
            Err(ServerError::Store(error)) if clock.monotonic() >= fence => {
                tracing::error!(%error, "could not renew the lease");
                executor.attempts.fence(executor.clock.now());
                fence = clock.monotonic() + rhythm.fence();
            }
            Err(ServerError::Store(error)) => tracing::warn!(%error, "a heartbeat failed"),
        }
        tokio::select! {
            // Counted from the beat, so that one follows at once when the time has jumped meanwhile.
            () = clock::sleep_until(clock, sent_at.after(rhythm.period())) => {}
            () = executor.exit.finished.cancelled() => return,
        }
    }
}

/// Looks for servers whose lease ran out, for no longer than a beat may take: the next one must not be late.
async fn expire(executor: &Executor, rhythm: Rhythm) {
    match clock::within(rhythm.patience(), executor.store.expire()).await {
        Some(Ok(0)) => {}
        Some(Ok(runs)) => tracing::warn!(runs, "took runs away from servers whose lease ran out"),
        Some(Err(error)) => tracing::warn!(%error, "could not look for dead servers"),
        None => tracing::warn!("could not look for dead servers in time"),
    }
}

fn unanswered(after: Duration) -> StoreError {
    StoreError::TimedOut { call: Call::Heartbeat.name(), after }
}
