//! What happened in each minute of the last day.

use std::collections::BTreeMap;

use crate::{state::StateKind, time::Timestamp};

/// Minutes that are kept: a day.
pub const MINUTES_KEPT: i64 = 24 * 60;

const MINUTE: i64 = 60_000_000;

/// What happened to runs in one minute.
///
/// ```
/// use longhaul_core::{Timestamp, counts::MinuteCounts};
///
/// assert_eq!(MinuteCounts { minute: 2, ..MinuteCounts::default() }.starts(), Timestamp::from_micros(120_000_000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct MinuteCounts {
    /// Which minute, counted from 1970.
    pub minute: i64,
    /// Runs that were enqueued.
    pub enqueued: u64,
    /// Attempts that were claimed.
    pub started: u64,
    /// Attempts that ended so that the run is tried again.
    pub retried: u64,
    /// Runs that completed.
    pub completed: u64,
    /// Runs that failed for good.
    pub failed: u64,
    /// Runs that were cancelled.
    pub cancelled: u64,
}

impl MinuteCounts {
    /// When it begins.
    pub fn starts(&self) -> Timestamp {
        Timestamp::from_micros(self.minute.saturating_mul(MINUTE))
    }

    fn add(&mut self, other: &Self) {
        let Self { minute: _, enqueued, started, retried, completed, failed, cancelled } = other;
        self.enqueued += enqueued;
        self.started += started;
        self.retried += retried;
        self.completed += completed;
        self.failed += failed;
        self.cancelled += cancelled;
    }
}

/// Counters of the minutes of the last day.
///
/// ```
/// use longhaul_core::{StateKind, counts::Throughput, doc};
///
/// let mut throughput = Throughput::default();
/// throughput.record(doc::NOW, Some(StateKind::Running), Some(StateKind::Completed));
/// assert_eq!(throughput.minutes(doc::NOW).map(|minute| minute.completed).sum::<u64>(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Throughput {
    /// Minutes in which nothing happened are not there.
    minutes: BTreeMap<i64, MinuteCounts>,
}

impl Throughput {
    /// A run went from one state to another; see [`Statistics::record`](super::Statistics::record).
    pub fn record(&mut self, now: Timestamp, from: Option<StateKind>, to: Option<StateKind>) {
        let mut one = MinuteCounts { minute: minute_of(now), ..MinuteCounts::default() };
        match (from, to) {
            (None, Some(to)) if !to.is_final() => one.enqueued = 1,
            (Some(_), Some(StateKind::Running)) => one.started = 1,
            (Some(StateKind::Running), Some(StateKind::Retrying)) => one.retried = 1,
            (Some(_), Some(StateKind::Completed)) => one.completed = 1,
            (Some(_), Some(StateKind::Failed)) => one.failed = 1,
            (Some(_), Some(StateKind::Cancelled)) => one.cancelled = 1,
            _ => return,
        }
        self.add(&one);
    }

    /// Adds what was counted elsewhere, or was kept. A minute that is older than a day is left out.
    pub fn add(&mut self, counts: &MinuteCounts) {
        let minute = counts.minute;
        let there = self.minutes.entry(minute).or_insert_with(|| MinuteCounts { minute, ..MinuteCounts::default() });
        there.add(counts);
        // A clock that went back must not cost the minutes that it showed before: they go by the latest.
        if let Some((latest, _)) = self.minutes.last_key_value() {
            let oldest = latest.saturating_sub(MINUTES_KEPT - 1);
            while self.minutes.first_key_value().is_some_and(|(minute, _)| *minute < oldest) {
                self.minutes.pop_first();
            }
        }
    }

    /// Adds what another has counted. The order in which they are merged makes no difference.
    pub fn merge(&mut self, other: &Self) {
        other.minutes.values().for_each(|minute| self.add(minute));
    }

    /// The minutes of the day before `now` in which something happened, the oldest first.
    pub fn minutes(&self, now: Timestamp) -> impl DoubleEndedIterator<Item = &MinuteCounts> {
        let latest = minute_of(now);
        self.minutes.range(latest.saturating_sub(MINUTES_KEPT - 1)..=latest).map(|(_, counts)| counts)
    }

    /// All minutes that are kept, the oldest first, whatever the time is.
    pub fn all(&self) -> impl Iterator<Item = &MinuteCounts> {
        self.minutes.values()
    }
}

fn minute_of(now: Timestamp) -> i64 {
    now.as_micros().div_euclid(MINUTE)
}
