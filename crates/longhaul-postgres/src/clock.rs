//! The time of the database, and waits. The one file that reads a clock.

use std::{
    pin::Pin,
    sync::{LazyLock, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use longhaul_core::{Clock, Timestamp, clock::OnJump};
use tokio::sync::futures::Notified;

/// The clock of the database: what it said last, carried on by this machine's monotonic clock.
///
/// Servers whose own clocks differ agree on it, to within the time of one round trip: of the answers that it got, it goes by
/// the one that took the least time.
pub(crate) struct DatabaseClock(Mutex<Reading>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Reading {
    now: Timestamp,
    at: Instant,
    /// By how much it may be wrong: half the time that the answer took.
    off_by: Duration,
}

/// How far two clocks drift apart: a part in so many, which is 50 in a million.
const DRIFT: u32 = 20_000;

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
        Self(Mutex::new(Reading::of(asked.0, now, monotonic())))
    }

    /// The database said this.
    pub(crate) fn set(&self, asked: Asked, now: Timestamp) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reading = reading.or(Reading::of(asked.0, now, monotonic()));
    }
}

impl Reading {
    /// The database said it in the middle between question and answer, as far as anybody knows.
    fn of(asked: Instant, now: Timestamp, answered: Instant) -> Self {
        let off_by = answered.saturating_duration_since(asked) / 2;
        Self { now, at: asked + off_by, off_by }
    }

    /// The better one of this and a later one: the later, where it took less time, or this may have drifted further by now.
    /// Where both cannot be right, the clock of the database was set.
    fn or(self, later: Self) -> Self {
        let passed = later.at.saturating_duration_since(self.at);
        let off_by = self.off_by + passed / DRIFT;
        let then = self.now.after(passed);
        let apart = then.since(later.now).max(later.now.since(then));
        if later.off_by <= off_by || apart > off_by + later.off_by { later } else { self }
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

/// How often the database is asked what other servers changed: soon at first, rarely when nothing comes.
#[derive(Debug)]
pub(crate) struct Tick(Duration);

impl Tick {
    const FIRST: Duration = Duration::from_millis(20);

    pub(crate) fn new() -> Self {
        Self(Self::FIRST)
    }

    /// Something came: more may come soon.
    pub(crate) fn reset(&mut self) {
        self.0 = Self::FIRST;
    }

    /// Others tell when something comes: there is no need to ask soon.
    pub(crate) fn rest(&mut self) {
        self.0 = Duration::MAX;
    }

    /// How long to wait now: three quarters of the interval or more, so that servers that were started together do not ask
    /// together. `random` is any number.
    fn next(&mut self, longest: Duration, random: u8) -> Duration {
        let now = self.0.min(longest);
        self.0 = now.saturating_mul(2);
        now.mul_f64(0.75 + 0.25 * f64::from(random) / 255.0)
    }
}

/// Waits for the next tick, or until `due`. Cancel safe.
pub(crate) async fn tick_or_due(
    clock: &dyn Clock,
    due: Option<Timestamp>,
    tick: &mut Tick,
    longest: Duration,
    random: u8,
) {
    let due = due.and_then(|due| clock.wait_for(due));
    let wait = tick.next(longest, random).min(due.unwrap_or(Duration::MAX));
    pause(wait.max(Duration::from_millis(1))).await;
}

/// Waits until this handle knows of a change, or `due` came.
pub(crate) async fn change_or_due(changed: Pin<&mut Notified<'_>>, clock: &dyn Clock, due: Option<Timestamp>) {
    match due.and_then(|due| clock.wait_for(due)) {
        Some(due) => tokio::select! {
            () = changed => {}
            () = pause(due.max(Duration::from_millis(1))) => {}
        },
        None => changed.await,
    }
}

/// Cancel safe.
pub(crate) async fn pause(time: Duration) {
    #[expect(clippy::disallowed_methods, reason = "the wait that a clock asked for")]
    tokio::time::sleep(time).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// At `after`, the database said `now`; the answer took `took`.
    fn reading(begin: Instant, after: Duration, now: Duration, took: Duration) -> Reading {
        let asked = begin + (10 * MS + after).saturating_sub(took / 2);
        Reading::of(asked, Timestamp::EPOCH.after(now), asked + took)
    }

    #[test]
    fn the_answer_that_took_the_least_time_is_gone_by() {
        let begin = monotonic() + Duration::from_secs(60);
        let quick = reading(begin, Duration::ZERO, Duration::ZERO, MS);
        // It was asked together with much else, and is wrong by two milliseconds.
        let slow = reading(begin, 1000 * MS, 1002 * MS, 6 * MS);
        assert_eq!(quick.or(slow), quick);
        assert_eq!(slow.off_by, 3 * MS);
        let quicker = reading(begin, 2000 * MS, 2000 * MS, MS / 2);
        assert_eq!(quick.or(quicker), quicker);
    }

    #[test]
    fn an_old_answer_may_have_drifted() {
        let begin = monotonic() + Duration::from_secs(60);
        let quick = reading(begin, Duration::ZERO, Duration::ZERO, MS);
        let slow = reading(begin, 100_000 * MS, 100_001 * MS, 6 * MS);
        assert_eq!(quick.or(slow), slow);
    }

    #[test]
    fn a_clock_that_was_set_is_followed() {
        let begin = monotonic() + Duration::from_secs(60);
        let quick = reading(begin, Duration::ZERO, 5000 * MS, MS);
        for said in [6010 * MS, 4000 * MS] {
            let slow = reading(begin, 1000 * MS, said, 6 * MS);
            assert_eq!(quick.or(slow), slow);
        }
    }

    #[test]
    fn ticks_grow_to_the_longest_interval_and_begin_anew_when_something_came() {
        let longest = Duration::from_secs(2);
        let mut tick = Tick::new();
        let ticks: Vec<u128> = (0..9).map(|_| tick.next(longest, 255).as_millis()).collect();
        assert_eq!(ticks, [20, 40, 80, 160, 320, 640, 1280, 2000, 2000]);
        assert_eq!(tick.next(longest, 0).as_millis(), 1500);
        tick.reset();
        assert_eq!(tick.next(longest, 255).as_millis(), 20);
        tick.rest();
        assert_eq!(tick.next(longest, 255).as_millis(), 2000);
    }
}
