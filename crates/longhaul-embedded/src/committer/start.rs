//! The committer's thread.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use longhaul_core::{Clock, clock::OnJump};

use super::{
    Committer,
    queue::{Queue, Running, Taken},
};
use crate::{
    engine::{
        kv::KvError,
        watchdog::{GivenUp, Watchdog},
    },
    error::{broken, panic_message, panicked},
    health::Health,
    options::Durability,
    state::State,
};

/// Starts the committer on a state that was recovered.
pub(crate) fn start(
    state: State,
    clock: Arc<dyn Clock>,
    durability: Durability,
    watchdog: Watchdog,
    engine_timeout: Duration,
) -> Result<Running, StartError> {
    let (queue, health) = (Arc::new(Queue::new()), Arc::new(Health::new()));
    let on_jump: Arc<OnJump> = {
        let queue = Arc::clone(&queue);
        Arc::new(move || queue.nudge())
    };
    clock.on_jump(Arc::downgrade(&on_jump));
    {
        let health = Arc::clone(&health);
        watchdog.on_give_up(Box::new(move |_| {
            let error = broken(&KvError::Hung(engine_timeout));
            tracing::error!(%error, "the store takes no more calls");
            health.give_up(error);
        }));
    }
    watchdog.pulse.opened(engine_timeout).map_err(|GivenUp| StartError::Stalled)?;
    let committer = Committer::new(state, Arc::clone(&queue), clock, durability, Arc::clone(&health));
    {
        let (queue, ends) = (Arc::clone(&queue), Ends(Arc::clone(&health)));
        let thread = thread::Builder::new().name("longhaul-committer".into());
        let spawned = thread.spawn(move || {
            // The engine is dropped in there, so the watchdog goes after it, and those who wait for the end come last.
            run(committer, &queue, &ends.0);
            drop(watchdog);
            drop(ends);
        });
        spawned.map_err(StartError::NoThread)?;
    }
    Ok(Running::new(queue, health, on_jump))
}

/// Why a committer was not started.
pub(crate) enum StartError {
    /// The opening was given up, and its caller knows.
    Stalled,
    NoThread(io::Error),
}

/// Tells that the committer has ended, however it did.
struct Ends(Arc<Health>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Works until the queue is closed, and drops the committer.
fn run(mut committer: Committer, queue: &Queue, health: &Health) {
    // The committer stays outside, so that the verdict is there before anything that it holds is dropped.
    let Err(panic) = catch_unwind(AssertUnwindSafe(|| committer.run())) else { return };
    let error = health.poison(panicked(panic_message(&*panic)));
    tracing::error!(%error, "the store takes no more calls");
    committer.abandon(error);
    loop {
        let Taken { commands, closed } = queue.take(None);
        for command in commands {
            command.refuse(error);
        }
        if closed {
            return;
        }
    }
}
