//! Files that are not what was written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::victim::Victim;

/// `LONGHAUL_DAMAGE_ROUNDS` on demand.
fn rounds() -> usize {
    std::env::var("LONGHAUL_DAMAGE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(40)
}

/// The files of the store that hold data.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there").filter_map(Result::ok);
    let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
    files.filter(|path| fs::metadata(path).is_ok_and(|about| about.len() > 64)).collect()
}

fn damage(file: &Path) -> String {
    let mut bytes = fs::read(file).expect("it is readable");
    let at = fastrand::usize(..bytes.len());
    let what = if fastrand::bool() {
        bytes.truncate(at);
        "cut"
    } else {
        bytes[at] ^= 1 << fastrand::u8(..8);
        "flipped"
    };
    fs::write(file, bytes).expect("it is writable");
    format!("{} {what} at {at}", file.display())
}

/// Every line tells of a run as it was at some time.
fn check(lines: &[String], how: &str) {
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        match words[0] {
            "final" => {
                let (seed, steps) = (number(2), 3 + number(2) % 7);
                assert_eq!((number(3), words[4]), (steps, &*format!("Some({})", seed * steps)), "{how}: {line}");
            }
            "live" => assert_eq!(number(4), number(2) * number(3), "{how}: {line}"),
            _ => {}
        }
    }
}

#[test]
fn a_damaged_file_is_an_error_or_an_earlier_state_and_never_a_wrong_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let origin = folder.path().join("origin");
    let mut victim = Victim::start(&origin, &["serve", "60"]);
    let mut checkpoints = 0;
    while checkpoints < 120 {
        victim.lines_until("checkpoint");
        checkpoints += 1;
    }
    victim.signal("-TERM");
    assert_eq!(victim.wait().1.code(), Some(0));

    let (mut refused, mut recovered) = (0, 0);
    for round in 0..rounds() {
        let store = folder.path().join(round.to_string());
        let copied = std::process::Command::new("cp").arg("-r").args([&origin, &store]).status();
        assert!(copied.is_ok_and(|status| status.success()));
        let files = files(&store);
        let how = damage(&files[fastrand::usize(..files.len())]);
        let (lines, status) = Victim::start(&store, &["inspect"]).wait();
        // 1 is how `main` ends with an error; a panic would be 101, and a signal has no code.
        match status.code() {
            Some(0) => recovered += 1,
            Some(1) => refused += 1,
            code => panic!("{how}: ended with {code:?}: {lines:#?}"),
        }
        check(&lines, &how);
        fs::remove_dir_all(&store).expect("it is ours");
    }
    println!("{refused} refused, {recovered} recovered");
}
