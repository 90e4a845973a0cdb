//! The command line.

use std::{path::PathBuf, time::Duration};

use bench_harness::Scenario;
use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Measures task queues side by side with what the disk and raw sled can do.
#[derive(Debug, Parser)]
#[command(
    about,
    after_help = "Close what you can before you start: on a busy machine the ratios hold, the rates don't."
)]
pub(crate) struct Args {
    /// How often everything is measured; contenders take turns within a round.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,

    /// Only this contender (may be repeated); the floors of the ratios are measured nevertheless.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,

    /// Only this scenario (may be repeated).
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Vec<Scenario>,

    /// How much work: `smoke` shows that everything runs, `full` is what figures are quoted from.
    #[arg(long, value_enum, default_value_t = Scale::Normal)]
    pub(crate) scale: Scale,

    /// Where the results go.
    #[arg(long, value_name = "PATH", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/results/latest.json"))]
    pub(crate) json: PathBuf,

    /// A folder on the disk to measure; by default beside the compiled program.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Keep the CPUs awake by spinning at idle priority, where syncs of sleepy CPUs take 4 ms instead of 0.1.
    #[arg(long)]
    pub(crate) keep_awake: bool,
}

/// How much work a measurement has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scale {
    /// Seconds: is everything there, does it run.
    Smoke,
    /// Minutes.
    Normal,
    /// The numbers of the targets: 100,000 waiting runs, a million at rest.
    Full,
}

/// How much of a scenario is done.
pub(crate) struct Size {
    pub(crate) count: usize,
    pub(crate) finals: usize,
    pub(crate) waiting: usize,
    pub(crate) limit: Duration,
}

impl Scale {
    /// The size of `scenario`.
    pub(crate) fn size(self, scenario: Scenario) -> Size {
        let pick = |smoke, normal, full| match self {
            Self::Smoke => smoke,
            Self::Normal => normal,
            Self::Full => full,
        };
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
        let limit = match self {
            Self::Smoke => Duration::from_secs(5),
            Self::Normal => Duration::from_secs(10),
            Self::Full => Duration::from_secs(30),
        };
        Size { count, finals, waiting, limit }
    }
}
