//! When, and how often, a failed attempt is followed by another.

use std::{sync::Arc, time::Duration};

use crate::{id::RunId, limits::DELAYS_MAX};

/// How a run is tried again. Stored with the run when it is enqueued, so that changing a task's policy changes the
/// runs to come, not those in flight.
///
/// ```
/// use longhaul_core::{Backoff, RetryPolicy};
/// use std::time::Duration;
///
/// let policy = RetryPolicy::default().attempts(5).backoff(Backoff::Fixed(Duration::from_secs(3)));
/// assert_eq!(policy.attempts_max, 5);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct RetryPolicy {
    /// How many attempts may end in a typed failure or a timeout before the run is Failed. At least 1.
    pub attempts_max: u32,
    /// How many times in a row the run may panic without a new checkpoint before it is Failed, and with how many deaths
    /// of its process in a row it comes to its last try, alone: a death then quarantines it as Failed. At least 1; one
    /// death never changes anything, so 1 is as 2 for those. See [`suspects`](crate::admission::suspects).
    pub crashes_max: u32,
    /// How long to wait before the next attempt.
    pub backoff: Backoff,
    /// What the next attempt begins with.
    pub resume: Resume,
}

/// What an attempt after a failure begins with.
///
/// ```
/// use longhaul_core::{Resume, RetryPolicy};
///
/// assert_eq!(RetryPolicy::default().resume, Resume::FromCheckpoint);
/// assert_eq!(RetryPolicy::default().from_the_start().resume, Resume::FromTheStart);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Resume {
    /// The execution metadata that the failed attempt left.
    #[default]
    FromCheckpoint,
    /// The execution metadata that the run was enqueued with.
    FromTheStart,
}

/// The wait between two attempts.
///
/// ```
/// use longhaul_core::{Backoff, RetryPolicy, RunId};
/// use std::time::Duration;
///
/// let minutes = [1, 5, 30].map(|minutes| Duration::from_secs(60 * minutes));
/// let policy = RetryPolicy::default().attempts(9).crashes(2).backoff(Backoff::Delays(minutes.into()));
/// policy.check()?;
/// let run = RunId::from_bytes([7; 16]);
/// assert_eq!([1, 2, 3, 4].map(|nth| policy.delay(run, nth).as_secs() / 60), [1, 5, 30, 30]);
/// # Ok::<(), longhaul_core::retry::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Backoff {
    /// Always the same.
    Fixed(Duration),
    /// `base`, then each time `factor` times as long, up to `max`; each wait is shortened by a part of it, chosen by
    /// chance up to `jitter`, so that what failed together does not come back together.
    Exponential {
        /// The first wait.
        base: Duration,
        /// How many times longer each wait is than the one before. At least 1.
        factor: f64,
        /// The longest wait.
        max: Duration,
        /// The largest part of a wait that chance takes off, 0.0 to 1.0.
        jitter: f64,
    },
    /// These, one after the other; then the last of them again and again.
    Delays(Arc<[Duration]>),
}

/// A policy that cannot be followed, and why.
///
/// ```
/// use longhaul_core::RetryPolicy;
///
/// assert!(RetryPolicy::default().attempts(0).check().is_err());
/// assert!(RetryPolicy::never().check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// No attempt at all would be allowed.
    #[error("{what} is 0: a run needs at least 1, which means: never again after the first")]
    Zero {
        /// `attempts_max` or `crashes_max`.
        what: &'static str,
    },
    /// The factor would shrink the wait, or is no number.
    #[error("the factor of an exponential backoff is {0}: it must be a number of at least 1.0")]
    Factor(f64),
    /// More or less than all of a wait would be taken off.
    #[error("the jitter of an exponential backoff is {0}: it must lie between 0.0 and 1.0")]
    Jitter(f64),
    /// No delay, or more than 64.
    #[error("a backoff of {0} delays: give 1 to 64")]
    Delays(usize),
}

impl Default for Backoff {
    /// 1 s, 2 s, 4 s … up to 10 min, each shortened by up to a quarter.
    fn default() -> Self {
        Self::Exponential { base: Duration::from_secs(1), factor: 2.0, max: Duration::from_secs(600), jitter: 0.25 }
    }
}

impl Default for RetryPolicy {
    /// Ten attempts (about 17 min of waiting), three crashes and a last try, from the checkpoint.
    fn default() -> Self {
        Self { attempts_max: 10, crashes_max: 3, backoff: Backoff::default(), resume: Resume::default() }
    }
}

impl RetryPolicy {
    /// One attempt: the first failure is final.
    pub fn never() -> Self {
        Self::default().attempts(1)
    }

    /// With `attempts_max` attempts.
    #[must_use]
    pub fn attempts(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max;
        self
    }

    /// With `crashes_max` crashes in a row.
    #[must_use]
    pub fn crashes(mut self, crashes_max: u32) -> Self {
        self.crashes_max = crashes_max;
        self
    }

    /// With this wait between attempts.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Each attempt after a failure begins anew, with the execution metadata that the run was enqueued with.
    #[must_use]
    pub fn from_the_start(mut self) -> Self {
        self.resume = Resume::FromTheStart;
        self
    }

    /// Refuses what could not be followed.
    pub fn check(&self) -> Result<(), PolicyError> {
        for (what, count) in [("attempts_max", self.attempts_max), ("crashes_max", self.crashes_max)] {
            if count == 0 {
                return Err(PolicyError::Zero { what });
            }
        }
        match &self.backoff {
            Backoff::Exponential { factor, .. } if !(factor.is_finite() && *factor >= 1.0) => {
                Err(PolicyError::Factor(*factor))
            }
            Backoff::Exponential { jitter, .. } if !(0.0..=1.0).contains(jitter) => Err(PolicyError::Jitter(*jitter)),
            Backoff::Delays(delays) if delays.is_empty() || delays.len() > DELAYS_MAX => {
                Err(PolicyError::Delays(delays.len()))
            }
            _ => Ok(()),
        }
    }

    /// The wait after the `nth` failure, from 1. The same run and `nth` give the same wait: chance comes from the id,
    /// which is random, so that a decision can be made again and comes out the same.
    pub fn delay(&self, run: RunId, nth: u32) -> Duration {
        let nth = nth.max(1);
        match &self.backoff {
            Backoff::Fixed(wait) => *wait,
            Backoff::Delays(delays) => {
                delays.get(nth as usize - 1).or(delays.last()).copied().unwrap_or(Duration::ZERO)
            }
            Backoff::Exponential { base, factor, max, jitter } => {
                let exponent = i32::try_from(nth - 1).unwrap_or(i32::MAX);
                let full = (base.as_secs_f64() * factor.powi(exponent)).min(max.as_secs_f64());
                Duration::from_secs_f64(full * (1.0 - jitter * chance(run, nth)))
            }
        }
    }
}

/// A number in 0.0 ..= 1.0 that looks random over runs and attempts.
fn chance(run: RunId, nth: u32) -> f64 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(run.as_bytes());
    hash.update(&nth.to_le_bytes());
    f64::from(hash.finalize()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RUN: RunId = RunId::from_bytes([3; 16]);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_exponential_backoff_doubles_up_to_its_longest_wait() {
        let exact = Backoff::Exponential { base: SECOND, factor: 2.0, max: SECOND * 5, jitter: 0.0 };
        let policy = RetryPolicy::default().backoff(exact);
        assert_eq!([1, 2, 3, 4].map(|nth| policy.delay(RUN, nth).as_secs()), [1, 2, 4, 5]);
        assert_eq!(policy.delay(RUN, u32::MAX), SECOND * 5);
    }

    #[test]
    fn the_last_custom_delay_is_used_again() {
        let policy = RetryPolicy::default().backoff(Backoff::Delays([SECOND, SECOND * 9].into()));
        assert_eq!([1, 2, 3].map(|nth| policy.delay(RUN, nth).as_secs()), [1, 9, 9]);
    }

    #[test]
    fn policies_that_cannot_be_followed_are_refused() {
        let exponential = |factor, jitter| Backoff::Exponential { base: SECOND, factor, max: SECOND, jitter };
        let bad = [
            RetryPolicy::default().attempts(0),
            RetryPolicy::default().crashes(0),
            RetryPolicy::default().backoff(exponential(0.5, 0.0)),
            RetryPolicy::default().backoff(exponential(f64::NAN, 0.0)),
            RetryPolicy::default().backoff(exponential(2.0, 1.5)),
            RetryPolicy::default().backoff(Backoff::Delays([].into())),
        ];
        for policy in bad {
            assert!(policy.check().is_err(), "{policy:?}");
        }
        assert_eq!(RetryPolicy::default().check(), Ok(()));
    }

    proptest! {
        #[test]
        fn jitter_only_shortens_and_by_no_more_than_its_part(id: [u8; 16], nth in 1..20_u32) {
            let run = RunId::from_bytes(id);
            let full = RetryPolicy::default().backoff(Backoff::Exponential {
                base: SECOND, factor: 2.0, max: Duration::from_secs(600), jitter: 0.0,
            }).delay(run, nth);
            let wait = RetryPolicy::default().delay(run, nth);
            prop_assert!(wait <= full && wait >= full.mul_f64(0.7499));
        }
    }
}
