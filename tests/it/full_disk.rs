//! The disk is full in the middle of work.

use std::{path::Path, process::Command};

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
