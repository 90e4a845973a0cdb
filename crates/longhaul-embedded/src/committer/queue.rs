//! The way from callers to the committer: bounded, and drained whole.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use longhaul_core::{Epoch, RunId, StoreError, clock::OnJump};
use tokio::sync::{Semaphore, oneshot};

use super::{
    command::{Command, Read, Reply, Write},
    ticket::GiveBack,
};
use crate::health::{self, Health};

/// Commands that wait to be taken. Callers beyond it wait themselves: it bounds memory, and is far above what one
/// commit takes.
pub(crate) const ROOM: usize = 4096;

pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// Rings when the committer sleeps and there is something to do.
    bell: Condvar,
    room: Semaphore,
}

#[derive(Default)]
struct Inner {
    commands: Vec<Command>,
    /// How many of the commands hold a permit.
    permits: usize,
    /// The clock jumped.
    nudged: bool,
    closed: bool,
    asleep: bool,
}

/// What the committer woke up to.
pub(crate) struct Taken {
    pub(crate) commands: Vec<Command>,
    /// No more will come.
    pub(crate) closed: bool,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), bell: Condvar::new(), room: Semaphore::new(ROOM) }
    }

    /// Hands a command to the committer, once there is room.
    pub(crate) async fn push(&self, command: Command) -> Result<(), StoreError> {
        self.room.acquire().await.map_err(|_| StoreError::Closed)?.forget();
        self.ring(|inner| {
            if inner.closed {
                return Err(StoreError::Closed);
            }
            inner.permits += 1;
            inner.commands.push(command);
            Ok(())
        })
    }

    /// Has the committer look at the time.
    pub(crate) fn nudge(&self) {
        self.ring(|inner| inner.nudged = true);
    }

    /// Takes no more commands; those that are in are still executed.
    pub(crate) fn close(&self) {
        self.ring(|inner| inner.closed = true);
        self.room.close();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn ring<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let answer = change(&mut inner);
        let asleep = std::mem::take(&mut inner.asleep);
        drop(inner);
        if asleep {
            self.bell.notify_one();
        }
        answer
    }

    /// Sleeps until there is something to do, at most for `max_wait`, and takes all of it.
    pub(crate) fn take(&self, max_wait: Option<Duration>) -> Taken {
        let mut inner = self.lock();
        if inner.is_quiet() {
            inner.asleep = true;
            inner = match max_wait {
                None => self.bell.wait_while(inner, |inner| inner.is_quiet()).unwrap_or_else(PoisonError::into_inner),
                Some(max_wait) => {
                    let waited = self.bell.wait_timeout_while(inner, max_wait, |inner| inner.is_quiet());
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
            inner.asleep = false;
        }
        Taken { commands: self.empty(&mut inner), closed: inner.closed }
    }

    /// What came since, after others had the chance to run; empty if nothing did.
    pub(crate) fn more(&self) -> Taken {
        std::thread::yield_now();
        let mut inner = self.lock();
        Taken { commands: self.empty(&mut inner), closed: inner.closed }
    }

    fn empty(&self, inner: &mut Inner) -> Vec<Command> {
        inner.nudged = false;
        if !inner.closed {
            self.room.add_permits(inner.permits);
        }
        inner.permits = 0;
        std::mem::take(&mut inner.commands)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can be left half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GiveBack for Queue {
    /// Does not wait for room: there is little of it. Lost if the store is closed.
    fn give_back(&self, held: Vec<(RunId, Epoch)>) {
        self.ring(|inner| {
            if !inner.closed {
                inner.commands.push(Write::GiveBack(held).into());
            }
        });
    }
}

impl Inner {
    fn is_quiet(&self) -> bool {
        self.commands.is_empty() && !self.nudged && !self.closed
    }
}

/// A committer that works. It ends when this is dropped.
pub(crate) struct Running {
    queue: Arc<Queue>,
    health: Arc<Health>,
    /// The clock keeps no more than a `Weak` of it.
    _on_jump: Arc<OnJump>,
}

impl Running {
    pub(super) fn new(queue: Arc<Queue>, health: Arc<Health>, on_jump: Arc<OnJump>) -> Self {
        Self { queue, health, _on_jump: on_jump }
    }

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
