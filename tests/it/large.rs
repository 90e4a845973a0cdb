//! Much execution metadata, written again and again, then let go.

use std::{fs, path::Path};

use crate::victim::Victim;

/// `LONGHAUL_LARGE_RUNS` on demand: 10,000 is the full round.
fn runs() -> String {
    std::env::var("LONGHAUL_LARGE_RUNS").unwrap_or_else(|_| "150".into())
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok);
    entries
        .map(|entry| entry.path())
        .map(|path| if path.is_dir() { size(&path) } else { fs::metadata(path).map_or(0, |about| about.len()) })
        .sum()
}

/// What the folder and the process may come back to, whatever went through: many times what is alive at any moment
/// (some 32 runs of 100 KiB, twice), and a fraction of what was written.
const FOLDER_MAX: u64 = 192 << 20;
const RESIDENT_MAX_KIB: u64 = 400 << 10;

#[test]
fn large_values_that_were_let_go_leave_neither_a_large_folder_nor_a_large_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lines, status) = Victim::start(folder.path(), &["large", &runs()]).wait();
    assert!(status.success(), "{lines:#?}");
    let words: Vec<&str> = lines[0].split(' ').collect();
    assert_eq!(words[..3], ["left", "0", "resident"]);
    let (resident, on_disk) = (words[3].parse::<u64>().expect("a number"), size(folder.path()));
    println!("{} runs: {resident} KiB resident, {on_disk} bytes on disk", runs());
    assert!(resident < RESIDENT_MAX_KIB, "{resident} KiB resident");
    assert!(on_disk < FOLDER_MAX, "{on_disk} bytes on disk");
    let blobs = folder.path().join("blobs");
    assert!(!blobs.exists() || size(&blobs) == 0, "values went to files that are never synced");
}
