//! The part of a benchmark that a person starts: rounds, ratios, the table and the JSON, for any [`Field`].
//!
//! What is measured, and the process that does one measurement, are in `bench-harness`: peers that cannot share a
//! dependency graph are programs of their own, and need no more than that.

mod args;
mod child;
mod field;
mod report;
mod rounds;
mod size;
mod table;

use std::{env, process::ExitCode};

use anyhow::Result;
use clap::Parser as _;

pub use self::{
    field::{Elsewhere, Field, Fresh, Ground, NoGround},
    size::{Scale, Size},
};
use crate::args::Args;

/// The `main` of a benchmark.
pub fn main(field: &Field) -> ExitCode {
    match run(field) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(field: &Field) -> Result<()> {
    let raw: Vec<_> = env::args().skip(1).collect();
    if child::spin_if_asked(&raw) || bench_harness::answer(field.contenders, &raw)? {
        return Ok(());
    }
    let args = Args::parse();
    let bench = rounds::Bench::prepare(field, &args)?;
    let report = bench.run(&args)?;
    print!("{}", table::render(field, &report));
    let json = args.json.as_deref().unwrap_or(field.results.as_ref());
    report.write(json)?;
    eprintln!("results are in {}", json.display());
    Ok(())
}
