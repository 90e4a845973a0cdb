//! The examples print what they are said to print.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Where cargo puts examples, seen from where it puts tests.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("tests are in target/PROFILE/deps");
    let program = folder.join("examples").join(name);
    assert!(program.exists(), "{} is missing: `cargo test -p longhaul-examples` builds it", program.display());
    program
}

fn prints(name: &str, expected: &str) {
    let out = Command::new(program(name)).stdin(Stdio::null()).output().expect("the example starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{}: {stderr}", out.status);
    assert_eq!(stdout, expected, "{stderr}");
    assert_eq!(stderr, "");
}

#[test]
fn csv_export_shows_how_far_it_is_and_gives_its_result() {
    prints("csv_export", include_str!("csv_export.txt"));
}

#[test]
fn approval_waits_for_an_answer_and_no_longer_than_it_is_said() {
    prints("approval", include_str!("approval.txt"));
}

#[test]
fn fan_out_wakes_its_parent_once_and_tries_again_what_failed() {
    prints("fan_out", include_str!("fan_out.txt"));
}

#[test]
fn saga_undoes_what_was_booked_wherever_it_is_broken_off() {
    prints("saga", include_str!("saga.txt"));
}

#[test]
fn nightly_is_kept_across_processes() {
    prints("nightly", include_str!("nightly.txt"));
}

#[test]
fn periodic_flushes_and_starts_its_listener_again() {
    prints("periodic", include_str!("periodic.txt"));
}

#[test]
fn fire_and_forget_waits_at_the_end() {
    prints("fire_and_forget", include_str!("fire_and_forget.txt"));
}

#[test]
fn suspend_resume_counts_events_across_processes() {
    prints("suspend_resume", include_str!("suspend_resume.txt"));
}

#[test]
fn state_machine_goes_on_in_the_state_that_it_was_in() {
    prints("state_machine", include_str!("state_machine.txt"));
}

#[test]
fn own_tests_pass() {
    prints("own_tests", include_str!("own_tests.txt"));
}

/// Whether there is a PostgreSQL to show an example with.
fn has_postgres() -> bool {
    let is_there = std::env::var("DATABASE_URL").is_ok();
    if !is_there {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "in CI this is not skipped");
        eprintln!("skipped: there is no PostgreSQL. Use `./scripts/postgres run -- cargo test -p longhaul-examples`");
    }
    is_there
}

#[test]
fn two_servers_outlive_one() {
    if has_postgres() {
        prints("two_servers", include_str!("two_servers.txt"));
    }
}

#[test]
fn bank_moves_every_amount_exactly_once_however_often_it_is_killed() {
    if !has_postgres() {
        return;
    }
    match std::env::var("LONGHAUL_BANK_KILLS") {
        Ok(kills) => {
            let out = Command::new(program("bank")).arg(kills).stdin(Stdio::null()).output().expect("it starts");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
        Err(_) => prints("bank", include_str!("bank.txt")),
    }
}

#[test]
fn outbox_has_each_end_exactly_once_however_often_it_is_killed() {
    if !has_postgres() {
        return;
    }
    match std::env::var("LONGHAUL_OUTBOX_KILLS") {
        Ok(kills) => {
            let out = Command::new(program("outbox")).arg(kills).stdin(Stdio::null()).output().expect("it starts");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
        Err(_) => prints("outbox", include_str!("outbox.txt")),
    }
}
