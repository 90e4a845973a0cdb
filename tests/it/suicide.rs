//! A task that kills its process.

use crate::victim::Victim;

#[test]
fn a_task_that_kills_its_process_is_quarantined_and_the_innocent_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    for life in 1.. {
        // A suspect and its company once, then alone, three times.
        assert!(life <= 8, "the guilty run was not found");
        let (lines, status) = Victim::start(folder.path(), &["suicide", "30"]).wait();
        if !status.success() {
            continue;
        }
        let told = |word: &str| lines.iter().rev().find(|line| line.starts_with(word)).cloned().unwrap_or_default();
        assert!(told("guilty").contains(" failed crash in attempt "), "{lines:#?}");
        assert!(told("guilty").contains("3 crashes in a row without a new checkpoint"), "{lines:#?}");
        assert_eq!(told("innocent"), "innocent 30 completed 30 counted 0");
        return;
    }
}
