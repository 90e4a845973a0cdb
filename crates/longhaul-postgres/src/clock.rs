//! The time of the database, and waits. The one file that reads a clock.

use std::{
    sync::{LazyLock, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use longhaul_core::{Clock, Timestamp, clock::OnJump};
use tokio::sync::futures::Notified;

/// The clock of the database: what it said last, carried on by this machine's monotonic clock.
///
/// Servers whose own clocks differ agree on it, to within the time of one round trip.
pub(crate) struct DatabaseClock(Mutex<Reading>);

struct Reading {
    now: Timestamp,
    at: Instant,
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn monotonic() -> Instant {
    Instant::now()
}

/// A question to the database for its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked(Instant);

impl DatabaseClock {
    pub(crate) fn ask() -> Asked {
        Asked(monotonic())
    }

    pub(crate) fn new(asked: Asked, now: Timestamp) -> Self {
        Self(Mutex::new(Reading::middle(asked, now)))
    }

    /// The database said this; it did so in the middle between question and answer, as far as anybody knows.
    pub(crate) fn set(&self, asked: Asked, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Reading::middle(asked, now);
    }
}

impl Reading {
    fn middle(asked: Asked, now: Timestamp) -> Self {
        Self { now, at: asked.0 + asked.0.elapsed() / 2 }
    }
}

impl Clock for DatabaseClock {
    fn now(&self) -> Timestamp {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.now.after(said.at.elapsed())
    }

    fn wait_for(&self, at: Timestamp) -> Option<Duration> {
        Some(at.since(self.now()))
    }

    fn on_jump(&self, _: Weak<OnJump>) {}

    /// That of this process: what a server fences itself by must not depend on the database.
    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(monotonic);
        START.elapsed()
    }
}

impl std::fmt::Debug for DatabaseClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("DatabaseClock").field(&self.now()).finish()
    }
}

/// How often a call that waits looks at what other servers may have changed: soon at first, rarely when nothing comes.
#[derive(Debug)]
pub(crate) struct Tick(Duration);

impl Tick {
    const FIRST: Duration = Duration::from_millis(20);

    pub(crate) fn new() -> Self {
        Self(Self::FIRST)
    }

    fn next(&mut self, longest: Duration) -> Duration {
        let now = self.0.min(longest);
        self.0 = now * 2;
        now
    }
}

/// Waits until this handle knows of a change, `due` came, or it is time to look at what others did.
pub(crate) async fn change_or_due(
    changed: std::pin::Pin<&mut Notified<'_>>,
    clock: &dyn Clock,
    due: Option<Timestamp>,
    tick: &mut Tick,
    longest: Duration,
) {
    let due = due.and_then(|due| clock.wait_for(due));
    let wait = tick.next(longest).min(due.unwrap_or(Duration::MAX));
    #[expect(clippy::disallowed_methods, reason = "the wait that a clock asked for")]
    let slept = tokio::time::sleep(wait.max(Duration::from_millis(1)));
    tokio::select! {
        () = changed => *tick = Tick::new(),
        () = slept => {}
    }
}
