//! Input that is not as it should be.

use super::*;

#[test]
fn a_file_that_vanished_since_it_was_listed_keeps_its_number_and_is_counted() {
    let bench = Bench::new([("a.md", "one"), ("b.md", "two"), ("c.md", "three")]);
    let listed = step(&bench.engine("a", 9), &Progress::default());
    fs::remove_file(bench.input().join("b.md")).unwrap();
    let summary = finish(&bench.engine("a", 9), listed).unwrap();
    assert_eq!((summary.files, summary.skipped, summary.terms), (3, 1, 2));
    let hits = crate::search(&bench.index(), "three", 9).unwrap();
    assert_eq!(hits[0].path, bench.input().join("c.md"));
}

#[test]
fn an_input_folder_that_vanished_on_the_way_holds_the_build_up_until_it_is_back() {
    let bench = Bench::new([("a.md", "one"), ("b.md", "two")]);
    let listed = step(&bench.engine("a", 1), &Progress::default());
    let read = step(&bench.engine("a", 1), &listed);
    let away = bench.folder.path().join("away");
    fs::rename(bench.input(), &away).unwrap();
    let error = finish(&bench.engine("a", 1), read.clone()).unwrap_err();
    assert!(matches!(error, IndexError::Input { .. }) && error.can_pass(), "{error}");
    fs::rename(&away, bench.input()).unwrap();
    assert_eq!(finish(&bench.engine("a", 1), read).unwrap().skipped, 0);
}

#[test]
fn bytes_that_are_not_utf8_cost_a_word_and_are_counted() {
    let bench = Bench::new([]);
    fs::write(bench.input().join("a.md"), b"before br\xffken after").unwrap();
    let listed = step(&bench.engine("a", 9), &Progress::default());
    let read = step(&bench.engine("a", 9), &listed);
    assert_eq!((read.read_in_part, read.skipped, read.words), (1, 0, 4));
}

#[test]
fn a_file_of_more_than_64_mib_is_skipped() {
    let bench = Bench::new([("a.md", "word")]);
    let large = fs::File::create(bench.input().join("b.md")).unwrap();
    large.set_len((64 << 20) + 1).unwrap();
    let summary = bench.build("a", 9);
    assert_eq!((summary.files, summary.skipped, summary.words), (2, 1, 1));
}

#[test]
fn when_no_file_can_be_read_the_build_fails_and_says_what_to_do() {
    let bench = Bench::new([("a.md", "one"), ("b.md", "two")]);
    let listed = step(&bench.engine("a", 1), &Progress::default());
    fs::remove_file(bench.input().join("a.md")).unwrap();
    fs::remove_file(bench.input().join("b.md")).unwrap();
    let error = finish(&bench.engine("a", 1), listed).unwrap_err();
    let folder = bench.input().display().to_string();
    assert_eq!(error, IndexError::NothingReadable { folder, files: 2 });
    assert!(error.to_string().contains("--fresh"), "{error}");
}

#[test]
fn an_index_folder_that_cannot_be_made_is_named() {
    let bench = Bench::new([("a.md", "one")]);
    fs::write(bench.folder.path().join("data"), "a file where a folder should be").unwrap();
    let error = bench.engine("a", 1).advance(&Progress::default(), &|| false).unwrap_err();
    assert!(error.can_pass(), "{error}");
    assert!(error.to_string().contains("create the folder"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_as_such() {
    use crate::error::At;
    use std::io::Write;
    let full = Path::new("/dev/full");
    let error = fs::OpenOptions::new().write(true).open(full).unwrap().write_all(b"x").at("write", full).unwrap_err();
    assert_eq!(error, IndexError::DiskFull { path: "/dev/full".into() });
    assert!(error.can_pass());
}
