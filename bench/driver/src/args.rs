//! The command line.

use std::path::PathBuf;

use bench_harness::Scenario;
use clap::Parser;

use crate::size::Scale;

/// Measures task queues side by side with what lies below them.
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

    /// Where the results go; by default `results/` beside the source.
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,

    /// A folder on the disk to measure; by default beside the compiled program.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Keep the CPUs awake by spinning at idle priority, where syncs of sleepy CPUs take 4 ms instead of 0.1.
    #[arg(long)]
    pub(crate) keep_awake: bool,
}
