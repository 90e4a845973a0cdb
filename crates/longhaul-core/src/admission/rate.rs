//! How often runs may start.

use std::{fmt, time::Duration};

use crate::time::Timestamp;

/// So many starts in a period: an idle one lets `max` start at once, and no period, wherever it begins, has more than
/// `max` of them.
///
/// ```
/// use longhaul_core::control::Rate;
/// use std::time::Duration;
///
/// let rate = Rate::new(100, Duration::from_secs(60))?;
/// assert_eq!(rate.to_string(), "100 in 60s");
/// assert!(Rate::new(0, Duration::from_secs(1)).unwrap_err().to_string().contains("pause it instead"));
/// # Ok::<(), longhaul_core::control::RateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    max: u32,
    per: Duration,
}

/// A rate that cannot be kept.
///
/// ```
/// use longhaul_core::{Rate, control::RateError};
/// use std::time::Duration;
///
/// assert_eq!(Rate::new(5, Duration::ZERO), Err(RateError::Period(Duration::ZERO)));
/// assert!(Rate::new(5, Duration::ZERO).unwrap_err().to_string().contains("from 1 ms to 366 days"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RateError {
    /// Nothing would ever start.
    #[error("a rate of 0 lets nothing start: pause it instead")]
    Zero,
    /// The period is no period, or longer than a year.
    #[error("a rate over {0:?}: the period must be from 1 ms to 366 days")]
    Period(Duration),
    /// Time is counted in microseconds.
    #[error("{max} in {per:?} is more than one in a microsecond: leave the rate out")]
    TooFast {
        /// How many.
        max: u32,
        /// In which period.
        per: Duration,
    },
}

impl Rate {
    const PER_MIN: Duration = Duration::from_millis(1);
    const PER_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// At most `max` in each period of `per`, 1 ms to 366 days.
    pub fn new(max: u32, per: Duration) -> Result<Self, RateError> {
        if max == 0 {
            return Err(RateError::Zero);
        }
        if !(Self::PER_MIN..=Self::PER_MAX).contains(&per) {
            return Err(RateError::Period(per));
        }
        if per.as_micros() < u128::from(max) {
            return Err(RateError::TooFast { max, per });
        }
        Ok(Self { max, per })
    }

    /// How many.
    pub const fn max(&self) -> u32 {
        self.max
    }

    /// In which period.
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// What is known of the starts after one more at `now`, if there may be one; otherwise from when on.
    ///
    /// `before`: what was known before; `None`: that nothing started within the last period.
    ///
    /// ```
    /// use longhaul_core::{Rate, Timestamp};
    /// use std::time::Duration;
    ///
    /// let rate = Rate::new(2, Duration::from_secs(10))?;
    /// assert_eq!((rate.max(), rate.per()), (2, Duration::from_secs(10)));
    /// let now = Timestamp::EPOCH;
    /// let once = rate.take(now, None).expect("nothing has started");
    /// let twice = rate.take(now, Some(&once)).expect("there is one left");
    /// assert_eq!(rate.take(now, Some(&twice)), Err(now.after(Duration::from_secs(10))));
    /// # Ok::<(), longhaul_core::control::RateError>(())
    /// ```
    pub fn take(&self, now: Timestamp, before: Option<&Starts>) -> Result<Starts, Timestamp> {
        // A start is forgotten when a period has passed; and one that lies further ahead than a period was made by a clock
        // that has been set back since: what that clock said must not keep others waiting until then.
        let counts = |at: Timestamp| at.after(self.per) > now && at <= now.after(self.per);
        let mut slices: Vec<(Timestamp, u32)> =
            before.iter().flat_map(|before| before.slices.iter().copied()).filter(|(at, _)| counts(*at)).collect();
        slices.sort_unstable();
        let mut counted = slices.iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
        if counted >= self.max {
            for (at, count) in slices {
                counted = counted.saturating_sub(count);
                if counted < self.max {
                    return Err(at.after(self.per));
                }
            }
            unreachable!("none is less than any rate allows");
        }
        match slices.last_mut() {
            Some((at, count)) if self.share_a_slice(*at, now) => {
                *at = now.max(*at);
                *count = count.saturating_add(1);
            }
            _ => slices.push((now, 1)),
        }
        let idle_at = slices.iter().map(|(at, _)| at.after(self.per)).max().unwrap_or(now);
        Ok(Starts { slices, idle_at })
    }

    /// Whether starts at these times are counted together: as if all came at the latest of them.
    fn share_a_slice(&self, one: Timestamp, other: Timestamp) -> bool {
        // Rounded up: a period of 16 whole slices touches 17 of them at most.
        let length = self.per.as_micros().div_ceil(u128::from(SLICES)) as i64;
        let slice = |at: Timestamp| at.as_micros().div_euclid(length);
        one == other || (self.max > SLICES && slice(one) == slice(other))
    }
}

/// The starts of the last period that a [`Rate`] counts.
///
/// Up to 16 are kept one by one. Beyond that a period is divided into 16 slices, and what started within a slice counts
/// as if it had started at the end of it: so a rate is never exceeded, falls short by a sixteenth at most, and what is
/// kept stays below 250 bytes.
///
/// ```
/// use longhaul_core::{Rate, Timestamp, control::Starts};
/// use std::time::Duration;
///
/// let rate = Rate::new(1, Duration::from_secs(10))?;
/// let starts = rate.take(Timestamp::EPOCH, None).expect("nothing has started");
/// assert_eq!(starts.idle_at(), Timestamp::EPOCH.after(Duration::from_secs(10)));
/// assert_eq!(Starts::new(starts.slices().to_vec(), starts.idle_at()), starts);
/// # Ok::<(), longhaul_core::control::RateError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Starts {
    /// When, and how many.
    slices: Vec<(Timestamp, u32)>,
    idle_at: Timestamp,
}

impl Starts {
    /// As they were kept.
    pub fn new(slices: Vec<(Timestamp, u32)>, idle_at: Timestamp) -> Self {
        Self { slices, idle_at }
    }

    /// What a token bucket of an earlier release that is full again at `full_at` says, at `now`: as many starts as any
    /// rate allows, just then.
    pub fn of_token_bucket(full_at: Timestamp, now: Timestamp) -> Self {
        Self { slices: vec![(full_at.min(now), u32::MAX)], idle_at: full_at }
    }

    /// When, and how many.
    pub fn slices(&self) -> &[(Timestamp, u32)] {
        &self.slices
    }

    /// From then on they can be forgotten.
    pub fn idle_at(&self) -> Timestamp {
        self.idle_at
    }
}

/// In so many parts a period is divided.
const SLICES: u32 = 16;

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.max, self.per)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    #[test]
    fn an_idle_rate_lets_all_start_at_once_and_the_next_when_a_period_has_passed() {
        let rate = Rate::new(3, Duration::from_secs(30)).unwrap();
        let mut starts = None;
        for seconds in [0, 0, 5] {
            starts = Some(rate.take(at(seconds), starts.as_ref()).unwrap());
        }
        assert_eq!(rate.take(at(5), starts.as_ref()), Err(at(30)));
        assert_eq!(rate.take(at(29), starts.as_ref()), Err(at(30)));
        let mut starts = rate.take(at(30), starts.as_ref()).unwrap();
        starts = rate.take(at(30), Some(&starts)).unwrap();
        assert_eq!(rate.take(at(30), Some(&starts)), Err(at(35)));
    }

    #[test]
    fn a_clock_that_was_set_back_closes_no_rate_until_the_time_that_it_showed() {
        let rate = Rate::new(2, Duration::from_secs(10)).unwrap();
        let once = rate.take(at(100_000), None).unwrap();
        let twice = rate.take(at(100_000), Some(&once)).unwrap();
        assert_eq!(rate.take(NOW, Some(&twice)), rate.take(NOW, None));
        // Within a period nobody can tell it from what has just started.
        assert_eq!(rate.take(at(99_999), Some(&twice)), Err(at(100_010)));
    }

    #[test]
    fn a_rate_that_was_lowered_counts_what_started_before() {
        let starts = (0..5).fold(None, |starts, second| {
            Some(Rate::new(5, Duration::from_secs(10)).unwrap().take(at(second), starts.as_ref()).unwrap())
        });
        let lower = Rate::new(2, Duration::from_secs(10)).unwrap();
        assert_eq!(lower.take(at(5), starts.as_ref()), Err(at(13)));
    }

    #[test]
    fn a_token_bucket_of_an_earlier_release_lets_nothing_start_for_a_period_at_most() {
        let rate = Rate::new(100, Duration::from_secs(10)).unwrap();
        let starts = Starts::of_token_bucket(at(4), NOW);
        assert_eq!(rate.take(at(9), Some(&starts)), Err(at(10)));
        assert!(rate.take(at(10), Some(&starts)).is_ok());
    }

    #[test]
    fn rates_that_cannot_be_kept_are_refused() {
        assert_eq!(Rate::new(0, Duration::from_secs(1)), Err(RateError::Zero));
        assert!(Rate::new(1, Duration::ZERO).is_err() && Rate::new(1, Duration::MAX).is_err());
        assert!(
            Rate::new(1001, Duration::from_millis(1)).is_err() && Rate::new(1000, Duration::from_millis(1)).is_ok()
        );
    }

    #[test]
    fn a_period_that_is_no_multiple_of_sixteen_keeps_no_more_than_seventeen_slices() {
        // 16 slices of 2412 µs are 8 µs less than the period: one start in each of 18 would be within it.
        let rate = Rate::new(34, Duration::from_micros(38_600)).unwrap();
        let mut starts = None;
        for micros in std::iter::once(2_411).chain((1..=17).map(|nth| nth * 2_412)) {
            starts = Some(rate.take(Timestamp::from_micros(micros), starts.as_ref()).expect("34 may start"));
        }
        assert!(starts.is_some_and(|starts| starts.slices().len() <= SLICES as usize + 1));
    }

    proptest! {
        /// Whoever asks again and again, at any times, gets no more than `max` in any window of `per`, and not much less.
        #[test]
        fn no_window_of_a_period_has_more_starts_than_the_rate_allows(
            max in 1..60_u32,
            per in 1_000..50_000_u64,
            waits in proptest::collection::vec(0..3_000_u64, 1..400),
        ) {
            let rate = Rate::new(max, Duration::from_micros(per)).unwrap();
            let (mut now, mut starts, mut started) = (NOW, None, Vec::<Timestamp>::new());
            for wait in waits {
                now = now.after(Duration::from_micros(wait));
                let in_window = |since: Timestamp| started.iter().filter(|at| at.after(rate.per()) > since).count();
                let before = in_window(now);
                match rate.take(now, starts.as_ref()) {
                    Ok(next) => {
                        prop_assert!(before < max as usize, "{} started within a period before {:?}", before, now);
                        prop_assert!(next.slices().len() <= SLICES as usize + 1);
                        starts = Some(next);
                        started.push(now);
                    }
                    Err(until) => {
                        prop_assert!(now < until && until <= now.after(rate.per()));
                        // A slice late at most.
                        let slack = if max > SLICES { per / u64::from(SLICES) + 1 } else { 0 };
                        let early = Timestamp::from_micros(now.as_micros() - slack as i64);
                        prop_assert!(in_window(early) >= max as usize, "it could have started before {:?}", now);
                    }
                }
            }
        }
    }
}
