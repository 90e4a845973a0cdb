//! SIGTERM, a grace that runs out, a second signal.

use crate::{ledger::Ledger, victim::Victim};

#[test]
fn a_server_that_is_told_to_end_again_and_again_loses_nothing_and_counts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::default();
    for signal in ["-TERM", "-INT", "-TERM", "-INT", "-TERM", "-INT"] {
        let mut victim = Victim::start(folder.path(), &["serve", "40"]);
        ledger.read(&victim.lines_until("checkpoint"));
        victim.signal(signal);
        let (lines, status) = victim.wait();
        assert_eq!(status.code(), Some(0), "{lines:#?}");
        assert!(lines.iter().any(|line| line == "ended"), "{lines:#?}");
        ledger.read(&lines);
    }
    let (lines, status) = Victim::start(folder.path(), &["drain"]).wait();
    assert!(status.success());
    ledger.read(&lines);
    ledger.check_all_final();
}

#[test]
fn a_run_that_does_not_stop_within_the_grace_is_dropped_with_what_it_had_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    for life in 0..3 {
        let mut victim = Victim::start(folder.path(), &["stubborn", "50"]);
        let start = victim.lines_until("start").pop().expect("it started");
        // It changed a number and never made a checkpoint: the end of the attempt kept it.
        assert!(start.ends_with(&format!(" {} {life}", life + 1)), "{start}");
        victim.signal("-TERM");
        let (lines, status) = victim.wait();
        assert_eq!(status.code(), Some(0));
        assert_eq!(lines, ["suspended 1 dropped 1", "ended"]);
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once_and_the_run_goes_on_later() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut victim = Victim::start(folder.path(), &["stubborn", "600000"]);
    victim.lines_until("start");
    victim.signal("-TERM");
    // Another signal than the first: of two that are the same, the kernel may make one.
    victim.signal("-INT");
    let (_, status) = victim.wait();
    assert_eq!(status.code(), Some(130));
    let mut victim = Victim::start(folder.path(), &["stubborn", "1"]);
    victim.lines_until("start");
    victim.signal("-TERM");
    assert_eq!(victim.wait().1.code(), Some(0));
}

#[test]
fn two_signals_end_a_process_whose_only_thread_is_blocked() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut victim = Victim::start(folder.path(), &["stuck"]);
    victim.lines_until("stuck");
    let status = victim.signal_until_it_ends("-TERM");
    assert_eq!(status.code(), Some(130));
}

#[test]
fn a_server_that_has_no_room_for_its_heartbeats_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let line = Victim::with_open_files_at_most(128, folder.path(), &["cramped"]).line().expect("it says something");
    let expected = "refused the operating system has no room for the thread of the heartbeats: ";
    assert!(line.starts_with(expected) && line.contains("ulimit -n"), "{line}");
}
