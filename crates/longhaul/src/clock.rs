//! The one place that reads time and sleeps.
#![expect(clippy::disallowed_methods, reason = "this is where time is read, so that nothing else does")]

use std::{
    sync::{Arc, LazyLock, Weak},
    time::{Duration, Instant, SystemTime},
};

use longhaul_core::{Clock, Timestamp, clock::OnJump};
use tokio::sync::Notify;

/// The system's clock.
///
/// ```
/// use longhaul::{Clock, SystemClock, Timestamp};
///
/// assert!(SystemClock.now() > Timestamp::EPOCH);
/// ```
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no content, and is named as a value")]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().into()
    }

    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    fn wait_for(&self, at: Timestamp) -> Option<Duration> {
        Some(at.since(self.now()))
    }

    fn on_jump(&self, _wake: Weak<OnJump>) {}
}

/// Waits until `clock` shows `at`. Cancel safe.
pub(crate) async fn sleep_until(clock: &dyn Clock, at: Timestamp) {
    let jumped = Arc::new(Notify::new());
    let notify = jumped.clone();
    let wake: Arc<OnJump> = Arc::new(move || notify.notify_one());
    clock.on_jump(Arc::downgrade(&wake));
    while clock.now() < at {
        match clock.wait_for(at) {
            Some(wait) => tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = jumped.notified() => {}
            },
            None => jumped.notified().await,
        }
    }
}

/// Waits for jumps of a clock; the system's clock does not tell of its own.
pub(crate) struct Jumps {
    jumped: Arc<Notify>,
    /// Held, as the clock only knows it weakly.
    _wake: Arc<OnJump>,
}

impl Jumps {
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        let jumped = Arc::new(Notify::new());
        let notify = jumped.clone();
        let wake: Arc<OnJump> = Arc::new(move || notify.notify_one());
        clock.on_jump(Arc::downgrade(&wake));
        Self { jumped, _wake: wake }
    }

    /// Cancel safe.
    pub(crate) async fn next(&self) {
        self.jumped.notified().await;
    }
}

/// Waits for `wait` on `clock`. Cancel safe.
pub(crate) async fn sleep(clock: &dyn Clock, wait: Duration) {
    sleep_until(clock, clock.now().after(wait)).await;
}

/// Waits until `wait` has passed, whatever the clock is set to meanwhile. Cancel safe.
pub(crate) async fn elapse(clock: &dyn Clock, wait: Duration) {
    elapsed(clock, clock.monotonic().saturating_add(wait)).await;
}

/// Waits until the monotonic reading of `clock` is `deadline`. Cancel safe.
pub(crate) async fn elapsed(clock: &dyn Clock, deadline: Duration) {
    let jumps = Jumps::of(clock);
    loop {
        let left = deadline.saturating_sub(clock.monotonic());
        if left.is_zero() {
            return;
        }
        match clock.wait_for(clock.now().after(left)) {
            Some(_) => tokio::time::sleep(left).await,
            None => jumps.next().await,
        }
    }
}

/// Waits for `wait` of real time, whatever any clock shows: for back-off towards a store, and for what coalesces
/// writes, which a test's clock must not hold up. Cancel safe.
pub(crate) async fn pause(wait: Duration) {
    tokio::time::sleep(wait).await;
}

/// `future`, or `None` after `limit` of real time. Cancel safe if `future` is.
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}
