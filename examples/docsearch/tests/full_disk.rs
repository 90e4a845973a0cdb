//! Disks that take no more: full, or read-only.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process::Command,
};

use crate::site::{Site, done, undisturbed};

/// A small disk of its own, taken down at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, and says so, where mounting is not allowed.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        if mount(&["-t", "tmpfs", "-o", "size=32m", "tmpfs"], folder.path()) {
            Some(Self(folder))
        } else {
            println!("mounting is not allowed here, so there is no small disk to fill");
            None
        }
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let mut file = File::create(self.filler()).expect("a file");
        // Small enough that nothing else is refused for being larger than what is left.
        let full = loop {
            if let Err(error) = file.write_all(&[0; 512]) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull, "{full}");
    }

    fn make_room(&self) {
        fs::remove_file(self.filler()).expect("it is ours");
    }

    fn filler(&self) -> std::path::PathBuf {
        self.0.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    Command::new("mount").args(arguments).arg(at).status().is_ok_and(|status| status.success())
}

#[test]
fn a_disk_that_fills_up_holds_the_run_up_until_there_is_room() {
    let Some(disk) = SmallDisk::new() else { return };
    let site = Site::new().with_data(disk.0.path().join("data"));
    let run = site.listed();
    // It is about to read a page of the second segment; the first is written.
    let held = site.held_at(900);
    disk.fill();
    let ended = held.let_go().wait();
    let error = ended.error();
    assert!(error.contains("full") && error.to_lowercase().contains("make room"), "{error}");

    // Still full.
    for _ in 0..2 {
        let ended = site.run(&[]);
        let error = ended.error();
        assert!(error.contains("full") && error.to_lowercase().contains("make room"), "{error}");
    }

    disk.make_room();
    let ended = site.run(&[]);
    let done = done(&ended);
    assert_eq!((done.run, done.index), (run, undisturbed().clone()), "{ended:#?}");
}

#[test]
fn a_disk_without_room_for_anything_is_told_as_such() {
    let Some(disk) = SmallDisk::new() else { return };
    let site = Site::new().with_data(disk.0.path().join("data"));
    disk.fill();
    let error = site.run(&[]).error().to_lowercase();
    assert!(error.contains("full") && error.contains("make room"), "{error}");
    disk.make_room();
    assert_eq!(done(&site.run(&[])).index, *undisturbed());
}

#[test]
fn a_disk_that_became_read_only_loses_nothing() {
    let Some(disk) = SmallDisk::new() else { return };
    let site = Site::new().with_data(disk.0.path().join("data"));
    let run = site.listed();
    assert!(mount(&["-o", "remount,ro"], disk.0.path()));
    let ended = site.run(&[]);
    let error = ended.error();
    assert!(error.contains("Read-only file system") && error.contains(&*site.data().to_string_lossy()), "{error}");
    assert!(mount(&["-o", "remount,rw"], disk.0.path()));
    let done = done(&site.run(&[]));
    assert_eq!((done.run, done.index), (run, undisturbed().clone()));
}
