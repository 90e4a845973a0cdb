//! How far a run is, for people.

use std::time::Duration;

use crate::{
    limits::{PROGRESS_TEXT_MAX, PROGRESS_UNIT_MAX, cut},
    time::Timestamp,
};

/// How far a run is, as its task told last. For people to look at: what a run needs to go on belongs into its
/// execution metadata.
///
/// ```
/// use longhaul_core::Progress;
///
/// let progress = Progress { done: 9, total: Some(4), ..Progress::default() };
/// assert_eq!(progress.clamped().done, 4);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Progress {
    /// What is being done now: "exporting".
    pub step: Box<str>,
    /// Units done.
    pub done: u64,
    /// Units in all, if known. Never less than `done` when read through [`clamped`](Progress::clamped).
    pub total: Option<u64>,
    /// What is counted: "files".
    pub unit: Box<str>,
    /// A line for the person who waits.
    pub message: Box<str>,
    /// Units done in a second of work, of late; `None`: not known yet. See [`Pace`].
    pub rate: Option<f64>,
}

impl Progress {
    /// This progress with its texts cut to 256 bytes (the unit to 32) and `done` no larger than `total`.
    #[must_use]
    pub fn clamped(mut self) -> Self {
        for text in [&mut self.step, &mut self.message] {
            if text.len() > PROGRESS_TEXT_MAX {
                *text = cut(text, PROGRESS_TEXT_MAX).into();
            }
        }
        if self.unit.len() > PROGRESS_UNIT_MAX {
            self.unit = cut(&self.unit, PROGRESS_UNIT_MAX).into();
        }
        if let Some(total) = self.total {
            self.done = self.done.min(total);
        }
        self
    }

    /// The part that is done, 0.0 to 1.0; `None` while the total is unknown.
    ///
    /// ```
    /// use longhaul_core::Progress;
    ///
    /// assert_eq!(Progress { done: 1, total: Some(4), ..Progress::default() }.fraction(), Some(0.25));
    /// assert_eq!(Progress { done: 9, total: Some(4), ..Progress::default() }.fraction(), Some(1.0));
    /// assert_eq!(Progress::default().fraction(), None);
    /// ```
    pub fn fraction(&self) -> Option<f64> {
        self.total.map(|total| if total == 0 { 1.0 } else { (self.done as f64 / total as f64).min(1.0) })
    }

    /// How long the rest will take if it goes on like this; `None` while total or rate are unknown, or the rate is
    /// nothing. It counts time of work: a run that waits does not come nearer to its end.
    ///
    /// ```
    /// use longhaul_core::Progress;
    /// use std::time::Duration;
    ///
    /// let progress = Progress { done: 40, total: Some(100), rate: Some(2.0), ..Progress::default() };
    /// assert_eq!(progress.time_left(), Some(Duration::from_secs(30)));
    /// assert_eq!(Progress { rate: None, ..progress }.time_left(), None);
    /// ```
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done);
        if left == 0 {
            return Some(Duration::ZERO);
        }
        Duration::try_from_secs_f64(left as f64 / self.rate.filter(|rate| *rate > 0.0)?).ok()
    }
}

/// How fast an attempt gets ahead: measured while it works, and begun with what attempts before it measured. So the
/// time left is known at once after a restart, and the time that nobody worked does not count.
///
/// What is younger weighs more: after fifteen seconds the past has lost two thirds of its weight.
///
/// ```
/// use longhaul_core::{Timestamp, progress::Pace};
/// use std::time::Duration;
///
/// let at = |seconds| Timestamp::EPOCH.after(Duration::from_secs(seconds));
/// let mut pace = Pace::resuming(None);
/// assert_eq!(pace.told(at(0), 100), None); // where it begins
/// assert_eq!(pace.told(at(10), 120), Some(2.0));
/// assert_eq!(pace.told(at(10), 121), Some(2.0)); // too soon to tell
/// assert_eq!(pace.told(at(20), 0), None); // it counts something else
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// When how much was done, at the last measure.
    since: Option<(Timestamp, u64)>,
    rate: Option<f64>,
}

/// Between two measures, at least: over less, it is chance what is counted.
const MEASURE: Duration = Duration::from_millis(250);
/// After so long, the past has lost two thirds of its weight.
const MEMORY: Duration = Duration::from_secs(15);

impl Pace {
    /// The pace of an attempt that begins with what was measured before.
    pub const fn resuming(rate: Option<f64>) -> Self {
        Self { since: None, rate }
    }

    /// What comes is another step: what was measured says nothing of it.
    pub const fn reset(&mut self) {
        self.since = None;
        self.rate = None;
    }

    /// So much is done now. Answers the rate, units a second.
    pub fn told(&mut self, now: Timestamp, done: u64) -> Option<f64> {
        let Some((then, before)) = self.since else {
            self.since = Some((now, done));
            return self.rate;
        };
        if done < before {
            self.reset();
            self.since = Some((now, done));
            return None;
        }
        let passed = now.since(then);
        if passed >= MEASURE {
            let measured = (done - before) as f64 / passed.as_secs_f64();
            let weight = 1.0 - (-passed.as_secs_f64() / MEMORY.as_secs_f64()).exp();
            self.rate = Some(self.rate.map_or(measured, |rate| rate + (measured - rate) * weight));
            self.since = Some((now, done));
        }
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH.after(Duration::from_secs(seconds))
    }

    #[test]
    fn a_rate_survives_a_restart_and_the_time_between_does_not_count() {
        let mut pace = Pace::resuming(None);
        pace.told(at(0), 0);
        assert_eq!(pace.told(at(10), 50), Some(5.0));
        // A day later, in another process.
        let mut pace = Pace::resuming(Some(5.0));
        assert_eq!(pace.told(at(86_400), 50), Some(5.0));
        assert_eq!(pace.told(at(86_410), 100), Some(5.0));
    }

    #[test]
    fn the_rate_follows_what_is_younger() {
        let mut pace = Pace::resuming(Some(100.0));
        pace.told(at(0), 0);
        let rates: Vec<f64> = (1..=6).map(|n| pace.told(at(n * 15), n * 15).expect("it is known")).collect();
        assert!(rates.is_sorted_by(|older, younger| older > younger), "{rates:?}");
        assert!((rates[0] - 37.4).abs() < 0.1, "a third of the past is left: {rates:?}");
        assert!(rates[5] < 1.5, "{rates:?}");
    }

    #[test]
    fn a_step_that_gets_nowhere_has_no_end_in_sight() {
        let mut pace = Pace::resuming(None);
        pace.told(at(0), 7);
        let rate = pace.told(at(10), 7);
        assert_eq!(rate, Some(0.0));
        assert_eq!(Progress { done: 7, total: Some(9), rate, ..Progress::default() }.time_left(), None);
    }
}
