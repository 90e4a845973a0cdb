//! longhaul beside its peers and beside the floor. README.md says what is done and how to read the table.

mod contenders;

use std::process::ExitCode;

use bench_driver::{Elsewhere, Field, NoGround, Size};
use bench_harness::Scenario;

static FIELD: Field = Field {
    contenders: &contenders::ALL,
    elsewhere: &[Elsewhere {
        contenders: &["apalis-sqlite"],
        folder: concat!(env!("CARGO_MANIFEST_DIR"), "/apalis"),
        program: "longhaul-bench-apalis",
    }],
    scenarios: &Scenario::ALL,
    size: Size::of,
    floor: |_| contenders::FLOOR,
    peers: |_| &[contenders::PEER],
    others: |_| &[],
    ground: &NoGround,
    results: concat!(env!("CARGO_MANIFEST_DIR"), "/results/latest.json"),
};

fn main() -> ExitCode {
    bench_driver::main(&FIELD)
}
