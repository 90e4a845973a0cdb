//! The committer's thread.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::Duration,
};

use longhaul_core::{Clock, StoreError, clock::OnJump};
use tokio::sync::oneshot;

use super::{
    Committer,
    command::{Command, Read, Reply},
    queue::{Queue, Taken},
};
use crate::{
    engine::{
        kv::KvError,
        watchdog::{GivenUp, Watchdog},
    },
    error::{broken, panic_message, panicked},
    health::{self, Health},
    options::Durability,
    state::State,
};

/// A committer that works. It ends when this is dropped.
pub(crate) struct Running {
    queue: Arc<Queue>,
    health: Arc<Health>,
    /// The clock keeps no more than a `Weak` of it.
    _on_jump: Arc<OnJump>,
}

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
    Ok(Running { queue, health, _on_jump: on_jump })
}

impl Running {
    /// Why the store takes no more writes, if it does not.
    pub(crate) fn health(&self) -> Option<&StoreError> {
        self.health.get()
    }

    /// Takes no more commands, and carries out those that are there. Returns when the committer has ended, or does not come
    /// back.
    pub(crate) async fn close(&self) {
        self.queue.close();
        self.health.until_left().await;
    }

    /// Has the committer carry out a command. Nobody waits here for a committer that is stuck, or gone.
    pub(crate) async fn call<T, C: Into<Command>>(&self, command: impl FnOnce(Reply<T>) -> C) -> Result<T, StoreError> {
        let Self { queue, health, .. } = self;
        let asked = async {
            let (reply, answer) = oneshot::channel();
            queue.push(command(reply).into()).await?;
            match answer.await {
                Ok(answer) => answer,
                Err(_) => Err(self.answer_lost().await),
            }
        };
        let closed = || health.get().cloned().unwrap_or(StoreError::Closed);
        health.unless_left(asked).await.unwrap_or_else(|| Err(closed()))
    }

    /// An answer was dropped by a panic that unwound the committer. The verdict is on its way: it is there when the
    /// committer answers something else.
    async fn answer_lost(&self) -> StoreError {
        let Self { queue, health, .. } = self;
        let (reply, answer) = oneshot::channel();
        let answered = queue.push(Read::Queues { reply }.into()).await.is_ok() && answer.await.is_ok();
        match health.get() {
            Some(verdict) => verdict.clone(),
            None if !answered && queue.is_closed() => StoreError::Closed,
            None => StoreError::Unavailable { reason: "it lost the answer: look whether it did what was asked".into() },
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.queue.close();
        // The committer holds no handle, so it is never the one that waits for itself. If it is stuck, it is left behind.
        health::block_on(self.health.until_left());
    }
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
