//! Mixed load with kills, for as long as it is told: `scripts/soak`.

use std::{fs, path::Path, time::Duration};

use longhaul::{Clock, SystemClock};

use crate::{killed::wait, ledger::Ledger, victim::Victim};

/// After so many rounds the store is drained and checked, and the next ones begin with a new folder.
const ROUNDS_EACH: usize = 40;

/// What the whole soak comes to.
#[derive(Debug, Default)]
struct Totals {
    stores: usize,
    kills: usize,
    stops: usize,
    runs: usize,
    starts: usize,
    checkpoints: usize,
    largest_store: u64,
    largest_process: u64,
}

/// The bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(
            |entry| if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().map_or(0, |it| it.len()) },
        )
        .sum()
}

/// The most memory that a process has had, in bytes; 0 where the system does not say.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() << 10
}

/// One life of a server: most end by SIGKILL, some by a signal that it may answer, and some of those by a second one.
fn live(folder: &Path, ledger: &mut Ledger, totals: &mut Totals) {
    let mut victim = Victim::start(folder, &["serve", "40"]);
    if fastrand::bool() {
        ledger.read(&victim.lines_until("serving"));
    }
    wait(fastrand::u64(0..200));
    totals.largest_process = totals.largest_process.max(memory(victim.id()));
    let signal = *fastrand::choice(&["-KILL", "-KILL", "-KILL", "-TERM", "-INT"]).expect("there are some");
    victim.signal(signal);
    if signal == "-KILL" {
        totals.kills += 1;
    } else {
        totals.stops += 1;
        if fastrand::bool() {
            // It may have ended before this one.
            victim.signal_if_there(signal);
        }
    }
    let (lines, _) = victim.wait();
    ledger.read(&lines);
}

#[test]
#[ignore = "runs for as long as it is told: scripts/soak"]
fn a_server_under_mixed_load_and_kills_loses_nothing_for_as_long_as_it_is_told() {
    let seconds = std::env::var("LONGHAUL_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let end = SystemClock.now().after(Duration::from_secs(seconds));
    let mut totals = Totals::default();
    while SystemClock.now() < end {
        let folder = tempfile::tempdir().expect("a folder");
        let mut ledger = Ledger::default();
        for _ in 0..ROUNDS_EACH {
            live(folder.path(), &mut ledger, &mut totals);
            totals.largest_store = totals.largest_store.max(size(folder.path()));
            if SystemClock.now() >= end {
                break;
            }
        }
        let (lines, status) = Victim::start(folder.path(), &["drain"]).wait();
        ledger.read(&lines);
        assert!(status.success(), "{lines:#?}");
        ledger.check_all_final();
        let (lines, status) = Victim::start(folder.path(), &["verify"]).wait();
        assert!(status.success(), "{lines:#?}");
        totals.stores += 1;
        totals.runs += ledger.len();
        totals.starts += ledger.starts;
        totals.checkpoints += ledger.checkpoints;
    }
    assert!(totals.checkpoints > 0, "nothing happened");
    println!(
        "soak: {seconds} s, {} stores, {} kills, {} stops, {} runs, {} starts, {} checkpoints, nothing lost; \
         largest store {} MiB, largest process {} MiB",
        totals.stores,
        totals.kills,
        totals.stops,
        totals.runs,
        totals.starts,
        totals.checkpoints,
        totals.largest_store >> 20,
        totals.largest_process >> 20,
    );
}
