//! How much is measured.

use std::time::Duration;

use bench_harness::Scenario;
use clap::ValueEnum;
use serde::Serialize;

/// How much work a measurement has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Seconds: is everything there, does it run.
    Smoke,
    /// Minutes.
    Normal,
    /// The numbers of the targets: 100,000 waiting runs, a million at rest.
    Full,
}

/// How much of a scenario is done.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Runs, samples, checkpoints a run.
    pub count: usize,
    /// Final runs that are there beforehand.
    pub finals: usize,
    /// Waiting runs that are there beforehand.
    pub waiting: usize,
    /// After this the work is cut off.
    pub limit: Duration,
}

impl Scale {
    /// The one of the three that is for this scale.
    pub fn pick(self, smoke: usize, normal: usize, full: usize) -> usize {
        match self {
            Self::Smoke => smoke,
            Self::Normal => normal,
            Self::Full => full,
        }
    }

    /// The time after which work is cut off.
    pub fn limit(self) -> Duration {
        Duration::from_secs(self.pick(5, 10, 30) as u64)
    }
}

impl Size {
    /// What is measured of a store in a folder.
    pub fn of(scale: Scale, scenario: Scenario) -> Self {
        let pick = |smoke, normal, full| scale.pick(smoke, normal, full);
        let count = match scenario {
            Scenario::Enqueue1 => pick(200, 2_000, 5_000),
            Scenario::Enqueue64 => pick(2_000, 20_000, 100_000),
            Scenario::Bulk => pick(5_000, 50_000, 200_000),
            Scenario::Drain16 | Scenario::Drain64 => pick(1_000, 20_000, 100_000),
            Scenario::Checkpoint => pick(50, 500, 2_000),
            Scenario::StartLatency | Scenario::Checkpoint64 => pick(10, 100, 300),
            Scenario::Idle | Scenario::Open => 1,
            Scenario::Flat1k | Scenario::Flat1m => pick(1_000, 10_000, 20_000),
        };
        let (finals, waiting) = match scenario {
            Scenario::Open => (pick(5_000, 100_000, 1_000_000), pick(500, 10_000, 100_000)),
            Scenario::Flat1k => (1_000, 0),
            Scenario::Flat1m => (pick(5_000, 100_000, 1_000_000), 0),
            _ => (0, 0),
        };
        Self { count, finals, waiting, limit: scale.limit() }
    }
}
