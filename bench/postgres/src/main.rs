//! longhaul's store in PostgreSQL beside its peers and beside raw SQL, on one server in one run. The README of the folder
//! above says what is done and how to read the table.

mod contenders;
mod server;

use std::{env, process::ExitCode};

use bench_driver::{Elsewhere, Field, Scale, Size};
use bench_harness::{Scenario, child::CHILD};

/// Peers that keep the row of what is done.
const KEEPING: &[&str] = &["apalis-postgres", "fang", "underway"];
/// Peers that delete it.
const DELETING: &[&str] = &["graphile_worker", "sqlxmq"];
/// Peers whose task can save how far it is.
const SAVING: &[&str] = &["sqlxmq"];
const PEERS: &[&str] = &["apalis-postgres", "fang", "underway", "graphile_worker", "sqlxmq"];

macro_rules! elsewhere {
    ($contender:literal, $folder:literal) => {
        Elsewhere {
            contenders: &[$contender],
            folder: concat!(env!("CARGO_MANIFEST_DIR"), "/", $folder),
            program: concat!("longhaul-bench-", $folder),
        }
    };
}

static FIELD: Field = Field {
    contenders: &contenders::ALL,
    elsewhere: &[
        elsewhere!("apalis-postgres", "apalis-postgres"),
        elsewhere!("fang", "fang"),
        elsewhere!("underway", "underway"),
        elsewhere!("graphile_worker", "graphile"),
        elsewhere!("sqlxmq", "sqlxmq"),
    ],
    scenarios: &[
        Scenario::Enqueue64,
        Scenario::Bulk,
        Scenario::Drain16,
        Scenario::Drain64,
        Scenario::StartLatency,
        Scenario::Checkpoint,
        Scenario::Checkpoint64,
        Scenario::Flat1k,
        Scenario::Flat1m,
    ],
    size,
    floor: |scenario| if scenario == Scenario::Bulk { contenders::COPY } else { contenders::FLOOR },
    peers: |scenario| match scenario {
        Scenario::Drain16 | Scenario::Drain64 => KEEPING,
        Scenario::Checkpoint | Scenario::Checkpoint64 => SAVING,
        // None of them is filled with finished runs.
        Scenario::Flat1k | Scenario::Flat1m => &[],
        _ => PEERS,
    },
    others: |scenario| match scenario {
        Scenario::Drain16 | Scenario::Drain64 => DELETING,
        _ => &[],
    },
    ground: &server::Server,
    results: concat!(env!("CARGO_MANIFEST_DIR"), "/results/latest.json"),
};

fn main() -> ExitCode {
    let is_asked_by_a_person = env::args().nth(1).is_none_or(|first| first != CHILD && !first.contains("spin"));
    if is_asked_by_a_person && let Err(error) = server::start_unless_there_is_one() {
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    bench_driver::main(&FIELD)
}

/// A server takes longer than a folder: less of what is done run by run, and more finished runs at rest.
fn size(scale: Scale, scenario: Scenario) -> Size {
    let usual = Size::of(scale, scenario);
    let count = match scenario {
        Scenario::Enqueue1 => scale.pick(50, 500, 2_000),
        Scenario::Enqueue64 => scale.pick(1_000, 20_000, 50_000),
        Scenario::Drain16 | Scenario::Drain64 => scale.pick(500, 20_000, 50_000),
        Scenario::Flat1k | Scenario::Flat1m => scale.pick(500, 5_000, 10_000),
        _ => usual.count,
    };
    let finals = match scenario {
        Scenario::Flat1k => scale.pick(1_000, 10_000, 10_000),
        Scenario::Flat1m => scale.pick(5_000, 100_000, 2_000_000),
        _ => usual.finals,
    };
    Size { count, finals, ..usual }
}
