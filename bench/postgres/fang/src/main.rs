//! Measures fang on PostgreSQL when the benchmark in the folder above asks.

mod fang_tasks;

use std::env;

use anyhow::{Result, ensure};
use bench_harness::Measure;

fn main() -> Result<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    let asked = bench_harness::answer(&[&Measure::<fang_tasks::Fang>::new()], &args)?;
    ensure!(asked, "this program is started by `cargo run --release` in bench/postgres");
    Ok(())
}
