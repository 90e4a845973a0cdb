//! Measures underway on PostgreSQL when the benchmark in the folder above asks.

mod underway_job;

use std::env;

use anyhow::{Result, ensure};
use bench_harness::Measure;

fn main() -> Result<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    let asked = bench_harness::answer(&[&Measure::<underway_job::Underway>::new()], &args)?;
    ensure!(asked, "this program is started by `cargo run --release` in bench/postgres");
    Ok(())
}
