//! A task that kills its process.

use crate::victim::Victim;

fn is_found(how: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    for life in 1.. {
        // Two deaths that may have come from outside, one as a suspect, and one alone.
        assert!(life <= 6, "the guilty run was not found");
        let (lines, status) = Victim::start_with_memory(folder.path(), &["suicide", how], 2 << 30).wait();
        if !status.success() {
            continue;
        }
        let told = |word: &str| lines.iter().rev().find(|line| line.starts_with(word)).cloned().unwrap_or_default();
        let guilty = told("guilty");
        let (_, after) = guilty.split_once(" failed ").unwrap_or_else(|| panic!("{how}: {lines:#?}"));
        let starts: u32 = after.split(' ').next().and_then(|word| word.parse().ok()).expect("a number");
        assert!(starts <= 5, "{how}: {starts} starts");
        assert!(guilty.contains("crashes in a row without a new checkpoint"), "{lines:#?}");
        assert_eq!(told("innocent"), "innocent 10 completed 10 counted 0");
        return;
    }
}

#[test]
fn a_task_that_aborts_its_process_is_quarantined_and_the_innocent_go_on() {
    is_found("abort");
}

#[test]
fn a_task_that_exits_its_process_is_quarantined_and_the_innocent_go_on() {
    is_found("exit");
}

#[test]
fn a_task_that_overflows_its_stack_is_quarantined_and_the_innocent_go_on() {
    is_found("overflow");
}

#[test]
fn a_task_that_uses_up_all_memory_is_quarantined_and_the_innocent_go_on() {
    is_found("memory");
}
