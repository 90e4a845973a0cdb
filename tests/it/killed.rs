//! Killed with SIGKILL at any moment, again and again: what was acknowledged is there, and nothing happens twice.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    time::Duration,
};

use crate::{ledger::Ledger, victim::Victim};

/// `LONGHAUL_KILL_ROUNDS` on demand.
fn rounds() -> usize {
    std::env::var("LONGHAUL_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(50)
}

/// Real time is the subject here: the blow falls when it falls.
pub(crate) fn wait(millis: u64) {
    let (_keep, never) = mpsc::channel::<()>();
    assert_eq!(never.recv_timeout(Duration::from_millis(millis)), Err(RecvTimeoutError::Timeout));
}

#[test]
fn a_server_that_is_killed_at_random_loses_nothing_and_repeats_nothing_final() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::default();
    for _ in 0..rounds() {
        let mut victim = Victim::start(folder.path(), &["serve", "40"]);
        // Half of the blows fall while it opens the store, or just after.
        if fastrand::bool() {
            ledger.read(&victim.lines_until("serving"));
        }
        wait(fastrand::u64(0..120));
        victim.signal("-KILL");
        let (lines, status) = victim.wait();
        assert!(!status.success());
        ledger.read(&lines);
    }
    let (lines, status) = Victim::start(folder.path(), &["drain"]).wait();
    ledger.read(&lines);
    assert!(status.success(), "{lines:#?}");
    ledger.check_all_final();
    println!("{} runs, {} starts, {} checkpoints", ledger.len(), ledger.starts, ledger.checkpoints);
    assert!(ledger.checkpoints > ledger.len(), "the blows fell before anything happened");
}
