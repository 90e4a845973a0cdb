//! Time for tests: moved by hand, never read from the system.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use longhaul_core::{
    Timestamp,
    clock::{Clock, OnJump},
};
use tokio::sync::futures::Notified;

/// A clock that stands still until it is moved. Clones show the same time.
///
/// Whoever waits for a time on it is woken by each move, so a test that advances the clock needs no sleep.
///
/// ```
/// use longhaul_core::{Clock, Timestamp};
/// use longhaul_testkit::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::starting_at(Timestamp::EPOCH);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().to_string(), "1970-01-01T00:01:00Z");
/// ```
#[derive(Clone)]
pub struct TestClock(Arc<Mutex<Inner>>);

struct Inner {
    now: Timestamp,
    /// What [`TestClock::advance`] has added up to.
    passed: Duration,
    wakers: Vec<Weak<OnJump>>,
}

impl TestClock {
    /// A clock that shows `now`.
    pub fn starting_at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Inner { now, passed: Duration::ZERO, wakers: Vec::new() })))
    }

    /// Lets time pass, and wakes all who wait for a time. When this returns, all were called; what they do then happens
    /// on their own futures and threads.
    pub fn advance(&self, by: Duration) {
        self.change(|inner| {
            inner.now = inner.now.after(by);
            inner.passed += by;
        });
    }

    /// Sets the clock to `now`, which may lie before the time that was shown, as on a real machine. No time passes by it:
    /// [`monotonic`](Clock::monotonic) stays as it is.
    pub fn set(&self, now: Timestamp) {
        self.change(|inner| inner.now = now);
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.lock();
        change(&mut inner);
        inner.wakers.retain(|waker| waker.strong_count() > 0);
        let wakers = inner.wakers.clone();
        // A waker may read the clock.
        drop(inner);
        wakers.iter().filter_map(Weak::upgrade).for_each(|wake| wake());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn monotonic(&self) -> Duration {
        self.lock().passed
    }

    fn wait_for(&self, _at: Timestamp) -> Option<Duration> {
        None
    }

    fn on_jump(&self, wake: Weak<OnJump>) {
        self.lock().wakers.push(wake);
    }
}

impl std::fmt::Debug for TestClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TestClock").field(&self.now()).finish()
    }
}

/// Waits until something changed, or `due` came on a clock that moves by itself. May return early.
pub(crate) async fn change_or_due(changed: Notified<'_>, clock: &dyn Clock, due: Option<Timestamp>) {
    match due.and_then(|due| clock.wait_for(due)) {
        None => changed.await,
        Some(wait) => {
            #[expect(clippy::disallowed_methods, reason = "the wait that a real clock asked for")]
            let slept = tokio::time::sleep(wait);
            tokio::select! {
                () = changed => {}
                () = slept => {}
            }
        }
    }
}

/// Fails a test that waits for an answer that never comes, instead of hanging with it. On a machine that others keep busy,
/// the longest test of a store behind a database was seen to take more than a minute.
pub(crate) async fn within_minutes<T>(test: impl Future<Output = T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "a store that is wrong must fail its tests, not hang them")]
    let limited = tokio::time::timeout(Duration::from_secs(300), test);
    limited.await.expect("the store did not answer within five minutes")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn each_move_wakes_whoever_still_waits() {
        let clock = TestClock::starting_at(Timestamp::EPOCH);
        let woken = Arc::new(AtomicUsize::new(0));
        let wake: Arc<OnJump> = {
            let (clock, woken) = (clock.clone(), Arc::clone(&woken));
            Arc::new(move || {
                assert_eq!(clock.now(), Timestamp::from_micros(7));
                woken.fetch_add(1, Ordering::Relaxed);
            })
        };
        clock.on_jump(Arc::downgrade(&wake));
        clock.clone().advance(Duration::from_micros(7));
        assert_eq!(woken.load(Ordering::Relaxed), 1);

        drop(wake);
        clock.set(Timestamp::EPOCH);
        assert_eq!(clock.monotonic(), Duration::from_micros(7), "no time passes when the clock is set");
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        assert_eq!(clock.lock().wakers.len(), 0);
        assert_eq!(clock.wait_for(Timestamp::MAX), None);
    }
}
