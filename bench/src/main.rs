//! longhaul beside its peers and beside the floor. README.md says what is done and how to read the table.

mod contenders;

use std::process::ExitCode;

use bench_driver::{Elsewhere, Field, NoGround, Scale, Size};
use bench_harness::Scenario;

static FIELD: Field = Field {
    contenders: &contenders::ALL,
    elsewhere: &[Elsewhere {
        contenders: &["apalis-sqlite"],
        folder: concat!(env!("CARGO_MANIFEST_DIR"), "/apalis"),
        program: "longhaul-bench-apalis",
    }],
    scenarios: &Scenario::ALL,
    size,
    floor: |_| contenders::FLOOR,
    peers: |_| &[contenders::PEER],
    ground: &NoGround,
    results: concat!(env!("CARGO_MANIFEST_DIR"), "/results/latest.json"),
};

fn main() -> ExitCode {
    bench_driver::main(&FIELD)
}

fn size(scale: Scale, scenario: Scenario) -> Size {
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
    Size { count, finals, waiting, limit: scale.limit() }
}
