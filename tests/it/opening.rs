//! Killed while it opens the store, at each of its writes.

use std::{path::Path, process::Command};

use crate::{ledger::Ledger, victim::Victim};

/// The calls that change files. Each kill falls before the call takes effect.
const CALLS: [&str; 6] = ["pwrite64", "write", "ftruncate", "rename", "unlink", "fdatasync"];
/// More writes than an opening has.
const WRITES_MAX: usize = 64;

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()));
}

/// Opens the store, and kills it at the `nth` call. Whether it came through: there is no such call.
fn open_and_kill(folder: &Path, call: &str, nth: usize) -> Option<bool> {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e", &inject, env!("CARGO_BIN_EXE_victim")])
        .arg(folder)
        .arg("open")
        .output();
    Some(status.ok()?.status.success())
}

#[test]
fn a_process_that_is_killed_while_it_opens_the_store_leaves_one_that_opens() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    // Killed in the middle of work, so that the opening has something to mend.
    let mut ledger = Ledger::default();
    let mut victim = Victim::start(&origin, &["serve", "40"]);
    while ledger.checkpoints < 40 {
        ledger.read(&victim.lines_until("checkpoint"));
    }
    victim.signal("-KILL");
    ledger.read(&victim.wait().0);

    let mut kills = 0;
    for call in CALLS {
        for nth in 1..=WRITES_MAX {
            assert!(nth < WRITES_MAX, "an opening without end");
            let store = folder.path().join(format!("{call}-{nth}"));
            copy(&origin, &store);
            match open_and_kill(&store, call, nth) {
                None => return println!("strace is missing, so there is no blow at a write"),
                Some(true) => break,
                Some(false) => kills += 1,
            }
            let (lines, status) = Victim::start(&store, &["drain"]).wait();
            assert!(status.success(), "killed at {call} {nth}, it does not open any more: {lines:#?}");
            let mut after = ledger.clone();
            after.read(&lines);
            after.check_all_final();
            std::fs::remove_dir_all(&store).expect("it is ours");
        }
    }
    println!("{kills} kills");
    assert!(kills >= 3, "an opening makes more writes than {kills}");
}
