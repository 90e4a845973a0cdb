//! How far the end of a server has come.

use std::{
    sync::{Condvar, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;

/// The signals between those who end a server. What others see of it is its [`Life`](super::life::Life).
pub(super) struct Exit {
    /// The grace is over: attempts are dropped at their current await.
    pub(super) drop_attempts: CancellationToken,
    /// Everything is settled: the loops that serve attempts end.
    pub(super) finished: CancellationToken,
    /// How it ended, if it was not shut down.
    abandonment: OnceLock<Abandonment>,
    /// Becomes cancelled then.
    pub(super) abandoned: CancellationToken,
    /// Nothing is left to be done.
    pub(super) over: Over,
    /// Futures are polled while one of the runtime's threads is blocked.
    pub(super) has_other_threads: bool,
}

impl Exit {
    /// Of a server on the current runtime.
    pub(super) fn new() -> Self {
        Self {
            drop_attempts: CancellationToken::new(),
            finished: CancellationToken::new(),
            abandonment: OnceLock::new(),
            abandoned: CancellationToken::new(),
            over: Over::default(),
            has_other_threads: Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread,
        }
    }

    /// How it ended, if it was not shut down.
    pub(super) fn abandonment(&self) -> Option<Abandonment> {
        self.abandonment.get().copied()
    }

    /// Answers whether this is the first call.
    pub(super) fn set_abandonment(&self, how: Abandonment) -> bool {
        self.abandonment.set(how).is_ok()
    }
}

/// How a server ended that was not shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abandonment {
    Dropped,
    Panicked,
    RuntimeEnded,
}

impl Abandonment {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "the server was dropped without a shutdown",
            Self::Panicked => "a panic dropped the server",
            Self::RuntimeEnded => "the runtime of the server ended before it",
        }
    }
}

/// Tells threads and futures that nothing of the server is left.
#[derive(Default)]
pub(super) struct Over {
    flag: Mutex<bool>,
    bell: Condvar,
    token: CancellationToken,
}

impl Over {
    pub(super) fn end(&self) {
        *self.flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.bell.notify_all();
        self.token.cancel();
    }

    pub(super) fn is_over(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Cancel safe.
    pub(super) async fn ended(&self) {
        self.token.cancelled().await;
    }

    /// Blocks until then, for at most `limit`. Answers whether it is over.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let is_over = self.flag.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.bell.wait_timeout_while(is_over, limit, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Over {
    /// Becomes cancelled then.
    pub(super) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    pub(super) fn end_on_drop(&self) -> EndOnDrop<'_> {
        EndOnDrop(self)
    }
}

/// So that nobody waits for a thread that panicked.
pub(super) struct EndOnDrop<'a>(&'a Over);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}
