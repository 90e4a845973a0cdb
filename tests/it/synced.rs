//! What is told as done is on the disk: the system calls show it.

use std::process::Command;

#[test]
fn an_enqueue_is_answered_after_its_write_was_synced() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=write,pwrite64,fdatasync", "-s", "32", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_victim"))
        .arg(folder.path().join("store"))
        .args(["trickle", "20"])
        .output();
    let Ok(output) = traced else { return println!("strace is missing, so there is nothing to see") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let trace = std::fs::read_to_string(trace).expect("strace wrote it");
    let (mut written, mut synced, mut answers) = (false, false, 0);
    for line in trace.lines() {
        // The witness beside the engine is written after the sync, and never synced itself.
        if line.contains("pwrite64(") && !line.contains("longhaul witness") {
            (written, synced) = (true, false);
        } else if line.contains("fdatasync") && line.ends_with("= 0") {
            synced = written;
        } else if line.contains("write(1, \"enqueued ") {
            assert!(synced, "answered before the sync:\n{trace}");
            (written, synced) = (false, false);
            answers += 1;
        }
    }
    assert_eq!(answers, 20, "{trace}");
}
