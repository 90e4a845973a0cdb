//! What a service says of itself.

use std::time::Duration;

/// What a service says of itself: what follows when it fails, whether the server can do without it, and how much time
/// it gets.
///
/// ```
/// use longhaul::{Restart, ServiceOptions};
/// use std::time::Duration;
///
/// let options = ServiceOptions::default()
///     .essential()
///     .restart(Restart::always().give_up_after(5))
///     .stop_within(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone)]
pub struct ServiceOptions {
    pub(super) restart: Restart,
    pub(super) essential: bool,
    pub(super) start_within: Duration,
    pub(super) stop_within: Duration,
}

impl Default for ServiceOptions {
    /// Restarted on failure, not essential, 30 s to start and 5 s to stop.
    fn default() -> Self {
        Self {
            restart: Restart::on_failure(),
            essential: false,
            // Longer than a slow connect, shorter than what makes people kill a process.
            start_within: Duration::from_secs(30),
            // A fifth of the default grace, so that one that hangs leaves time for the others and for the runs.
            stop_within: Duration::from_secs(5),
        }
    }
}

impl ServiceOptions {
    /// What follows when it fails, or returns without being told to stop.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// The server is of no use without it: the services after it, and claiming, wait until it has started. When it has
    /// failed for good, [`run_until_signal`](crate::Longhaul::run_until_signal) shuts down and ends with an error, and
    /// [`service_failed`](crate::Longhaul::service_failed) tells.
    #[must_use]
    pub fn essential(mut self) -> Self {
        self.essential = true;
        self
    }

    /// How long its `start` may take before it counts as failed. The default is 30 s.
    #[must_use]
    pub fn start_within(mut self, limit: Duration) -> Self {
        self.start_within = limit;
        self
    }

    /// How long it gets to end when it is told to, within what a shutdown has left. The default is 5 s.
    #[must_use]
    pub fn stop_within(mut self, limit: Duration) -> Self {
        self.stop_within = limit;
        self
    }
}

/// What follows when a service fails or panics, or returns without being told to stop.
///
/// It waits before it starts again, twice as long each time, and from the beginning once it ran well for a while.
///
/// ```
/// use longhaul::Restart;
/// use std::time::Duration;
///
/// Restart::never(); // what failed stays so, for people to look at
/// Restart::on_failure(); // the default; one that returns has done what it was there for
/// Restart::always() // it has to be there
///     .backoff(Duration::from_millis(100), Duration::from_secs(60))
///     .well_after(Duration::from_secs(300))
///     .give_up_after(10);
/// ```
#[derive(Debug, Clone)]
pub struct Restart {
    when: When,
    pub(super) first: Duration,
    longest: Duration,
    well_after: Duration,
    pub(super) give_up_after: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Never,
    OnFailure,
    Always,
}

/// What follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Again(Duration),
    GiveUp,
}

impl Restart {
    /// It stays as it ended.
    pub fn never() -> Self {
        Self {
            when: When::Never,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            well_after: Duration::from_secs(60),
            give_up_after: None,
        }
    }

    /// It starts again when it failed or panicked; when it returned, it is done.
    pub fn on_failure() -> Self {
        Self { when: When::OnFailure, ..Self::never() }
    }

    /// It starts again however it ended.
    pub fn always() -> Self {
        Self { when: When::Always, ..Self::never() }
    }

    /// The first wait, at least 1 ms, and the longest. The default is 1 s, 2 s, 4 s … up to 60 s.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest);
        self
    }

    /// Once it ran for so long, what went wrong before is forgotten: the next wait is the first one. The default is
    /// 60 s.
    #[must_use]
    pub fn well_after(mut self, ran: Duration) -> Self {
        self.well_after = ran;
        self
    }

    /// After so many ends in a row, none of which came after it [ran well](Self::well_after), it has failed for good.
    /// At least 1. Without it, there is no such number.
    #[must_use]
    pub fn give_up_after(mut self, ends: u32) -> Self {
        self.give_up_after = Some(ends);
        self
    }

    /// A service that returned on its own is done.
    pub(super) fn is_done_when_it_returns(&self) -> bool {
        self.when != When::Always
    }

    /// After an end that calls for a restart, if the policy has one. `in_a_row` counts such ends, this one too.
    pub(super) fn next(&self, in_a_row: u32) -> Next {
        if self.when == When::Never || self.give_up_after.is_some_and(|ends| in_a_row >= ends) {
            return Next::GiveUp;
        }
        let doubled = 2_u32.saturating_pow(in_a_row.saturating_sub(1));
        Next::Again(self.first.saturating_mul(doubled).min(self.longest))
    }

    pub(super) fn ran_well(&self, ran: Duration) -> bool {
        ran >= self.well_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_never_overflow() {
        let restart = Restart::always().backoff(Duration::from_secs(3), Duration::from_secs(20));
        let waits = [1, 2, 3, 4, 5, u32::MAX].map(|n| restart.next(n));
        assert_eq!(waits, [3, 6, 12, 20, 20, 20].map(|secs| Next::Again(Duration::from_secs(secs))));
    }

    #[test]
    fn giving_up_comes_with_the_last_end_that_was_allowed() {
        let restart = Restart::on_failure().give_up_after(2);
        assert_eq!(restart.next(1), Next::Again(Duration::from_secs(1)));
        assert_eq!(restart.next(2), Next::GiveUp);
        assert_eq!(Restart::never().next(1), Next::GiveUp);
    }
}
