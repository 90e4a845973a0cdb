//! The disk is full in the middle of work.

use std::{fs, io::Write, path::Path, process::Command};

use longhaul::embedded::OpenError;

use crate::{ledger::Ledger, victim::Victim};

/// A small disk of its own, taken down at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        mount(&["-t", "tmpfs", "-o", options, "tmpfs"], folder.path()).then_some(Self(folder))
    }

    fn grow(&self, options: &str) {
        assert!(mount(&["-o", options], self.0.path()));
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    Command::new("mount").args(arguments).arg(at).status().is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_is_a_typed_error_and_the_work_goes_on_once_there_is_room() {
    let Some(disk) = SmallDisk::new("size=24m") else {
        return println!("mounting is not allowed here, so there is no small disk to fill");
    };
    let folder = disk.0.path().join("store");
    let mut ledger = Ledger::default();

    let (lines, status) = Victim::start(&folder, &["fill"]).wait();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    ledger.read(&lines);
    let told = |word: &str| lines.iter().find(|line| line.starts_with(word)).cloned().unwrap_or_default();
    for word in ["refused", "broken"] {
        assert!(told(word).contains("the store takes no more writes"), "{word}: {}", told(word));
        assert!(told(word).to_lowercase().contains("make room"), "it does not say what to do: {}", told(word));
    }
    assert!(ledger.len() > 100 && ledger.checkpoints > 100, "it was full before it began");

    disk.grow("remount,size=512m");
    let (lines, status) = Victim::start(&folder, &["drain"]).wait();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    ledger.read(&lines);
    ledger.check_all_final();
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()));
}

/// A store that was killed in the middle of work, so that its opening has something to write.
fn killed(folder: &Path) -> Ledger {
    let mut ledger = Ledger::default();
    let mut victim = Victim::start(folder, &["serve", "40"]);
    while ledger.checkpoints < 40 {
        ledger.read(&victim.lines_until("checkpoint"));
    }
    victim.signal("-KILL");
    ledger.read(&victim.wait().0);
    ledger
}

#[test]
fn an_opening_on_a_full_disk_says_so_however_little_room_there_is_and_harms_nothing() {
    let Some(disk) = SmallDisk::new("size=16m") else {
        return println!("mounting is not allowed here, so there is no small disk to fill");
    };
    let (folder, filler) = (disk.0.path().join("store"), disk.0.path().join("filler"));
    let mut ledger = killed(&folder);
    let mut full = 0;
    for pages in [0_u64, 1, 2, 4, 8, 16, 32, 64, 128, 256] {
        let mut file = fs::File::create(&filler).expect("a name costs nothing");
        while file.write_all(&[1; 4096]).is_ok() {}
        let length = file.metadata().expect("it is there").len();
        file.set_len(length.saturating_sub(pages * 4096)).expect("it is shorter");
        match longhaul::open(&folder) {
            Err(OpenError::Full { .. }) => full += 1,
            Err(other) => panic!("with {pages} pages of room: {other}"),
            Ok(store) => drop(store),
        }
        fs::remove_file(&filler).expect("it is ours");
    }
    assert!(full > 0, "there was room all the time");
    let (lines, status) = Victim::start(&folder, &["drain"]).wait();
    assert_eq!(status.code(), Some(0), "{lines:#?}");
    ledger.read(&lines);
    ledger.check_all_final();
}

/// Calls that can fail while a store is opened. Not `write`, which the victim needs to tell what happened.
const CALLS: [&str; 6] = ["pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "mkdir"];

#[test]
fn what_an_opening_fails_of_is_what_the_operating_system_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    killed(&origin);
    let mut failed = 0;
    for (error, told) in [("ENOSPC", "Full {"), ("EDQUOT", "Full {"), ("EIO", "Io {")] {
        for call in CALLS {
            for nth in 1.. {
                let (store, trace) = (folder.path().join("store"), folder.path().join("trace"));
                copy(&origin, &store);
                let inject = format!("inject={call}:error={error}:when={nth}");
                let victim = Command::new("strace")
                    .args(["-f", "-qq", "-e", &inject, "-o"])
                    .arg(&trace)
                    .args([Path::new(env!("CARGO_BIN_EXE_victim")), &store, Path::new("open")])
                    .output();
                let Ok(victim) = victim else { return println!("strace is missing, so nothing fails") };
                fs::remove_dir_all(&store).expect("it is ours");
                if !fs::read_to_string(&trace).expect("strace wrote it").contains("(INJECTED)") {
                    break;
                }
                let said = String::from_utf8_lossy(&victim.stderr);
                let said = said.lines().find(|line| line.starts_with("Error: ")).unwrap_or_default();
                match victim.status.code() {
                    // It can do without, or it came when all was said and done.
                    Some(0) => {}
                    Some(1) if said.contains(told) => failed += 1,
                    code => panic!("{call} {nth} failed with {error}: ended with {code:?}: {said}"),
                }
            }
        }
    }
    assert!(failed > 20, "only {failed} openings failed");
}
