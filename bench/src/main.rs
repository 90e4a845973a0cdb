//! longhaul beside its peers and beside the floor. README.md says what is done and how to read the table.

mod args;
mod child;
mod contenders;
mod report;
mod rounds;
mod table;

use std::{env, process::ExitCode};

use anyhow::Result;
use args::Args;
use clap::Parser as _;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let raw: Vec<_> = env::args().skip(1).collect();
    if child::spin_if_asked(&raw) || bench_harness::answer(&contenders::ALL, &raw)? {
        return Ok(());
    }
    let args = Args::parse();
    let bench = rounds::Bench::prepare(&args)?;
    let report = bench.run(&args)?;
    print!("{}", table::render(&report));
    report.write(&args.json)?;
    eprintln!("results are in {}", args.json.display());
    Ok(())
}
