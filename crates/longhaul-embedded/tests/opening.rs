//! What a folder must hold to be opened, and what becomes of one that does not.

use longhaul_core::store::prelude::*;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use longhaul_core::{Actor, Clock, NewRun, RunId, StoreError, Timestamp, store::Filter};
use longhaul_embedded::{EmbeddedStore, OpenError, Options};
use longhaul_testkit::{TestClock, fixture};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(test)
}

fn options() -> Options {
    Options::new(Arc::new(TestClock::starting_at(NOW)))
}

fn open(folder: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(folder, options())
}

async fn insert(store: &EmbeddedStore, n: u64) -> Result<RunId, StoreError> {
    let new: NewRun = fixture::new_run(NOW, "plain", n);
    let id = new.id;
    store.insert(vec![new]).await?.remove(0).expect("the run is new");
    Ok(id)
}

/// A closed store of so many runs, each of which was committed by itself.
fn with_runs(folder: &Path, runs: u64) {
    block_on(async {
        let store = open(folder).expect("it opens");
        let there = count(&store).await;
        for n in there..there + runs {
            insert(&store, n).await.expect("the store works");
        }
        store.close().await;
    });
}

async fn count(store: &EmbeddedStore) -> u64 {
    store.count(Filter::default()).await.expect("the store works")
}

fn holds(folder: &Path) -> u64 {
    block_on(async {
        let store = open(folder).expect("it opens");
        let runs = count(&store).await;
        store.close().await;
        runs
    })
}

#[test]
fn a_folder_whose_log_was_removed_is_refused_and_says_how_much_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    with_runs(folder.path(), 3);
    fs::remove_file(folder.path().join("db")).expect("it is there");
    let refused = open(folder.path()).expect_err("all runs are gone");
    let OpenError::RolledBack { found: 0, found_at: None, expected, expected_at, .. } = &refused else {
        panic!("{refused}")
    };
    assert!((4..9).contains(expected), "three runs and the format are {expected} batches");
    assert_eq!(*expected_at, NOW);
    for word in ["goes up to nothing", "import", "accept_loss"] {
        assert!(refused.to_string().contains(word), "it does not say `{word}`: {refused}");
    }
    assert!(!folder.path().join("db").exists(), "a refusal makes no new one");
}

#[test]
fn a_folder_with_a_part_of_the_files_of_an_older_release_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    with_runs(folder.path(), 1);
    for gone in ["db", "witness"] {
        fs::remove_file(folder.path().join(gone)).expect("it is there");
    }
    let refused = open(folder.path()).expect_err("something was here");
    assert!(matches!(&refused, OpenError::Corrupt { reason, .. } if reason.contains("`db` is missing")), "{refused}");
}

#[test]
fn files_of_others_do_not_make_a_folder_a_store() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("lost+found")).expect("there is room");
    fs::write(folder.path().join("README"), "this is where the jobs are").expect("there is room");
    assert_eq!(holds(folder.path()), 0);
}

#[test]
fn a_first_opening_that_was_cut_off_is_begun_again() {
    let folder = tempfile::tempdir().expect("a folder");
    with_runs(folder.path(), 0);
    // As a kill leaves it between any two of its steps: with less and less of it.
    for gone in [&["db"][..], &["db", "conf"], &["db", "conf", "blobs"]] {
        let cut = tempfile::tempdir().expect("a folder");
        let says = first_testimony(cut.path());
        for name in ["conf", "db", "blobs"].into_iter().filter(|name| !gone.contains(name)) {
            let (from, to) = (folder.path().join(name), cut.path().join(name));
            if from.is_dir() {
                fs::create_dir(to).expect("there is room");
            } else {
                fs::copy(from, to).expect("there is room");
            }
        }
        fs::write(cut.path().join("witness"), says).expect("there is room");
        assert_eq!(holds(cut.path()), 0, "without {gone:?}");
    }
}

/// The witness as the first opening of a folder makes it, before anything else.
fn first_testimony(scratch: &Path) -> Vec<u8> {
    let folder = scratch.join("scratch");
    fs::create_dir(&folder).expect("there is room");
    // sled cannot make its log, so the opening ends where it begins.
    std::os::unix::fs::symlink("/nowhere/db", folder.join("db")).expect("there is room");
    open(&folder).expect_err("sled cannot open it");
    let says = fs::read(folder.join("witness")).expect("it came first");
    fs::remove_dir_all(folder).expect("it is ours");
    says
}

/// All files of a folder but its lock.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it is readable").path());
    let files = entries.filter(|path| path.is_file() && !path.ends_with("LOCK"));
    let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).expect("it is readable"))).collect();
    files.sort();
    files
}

/// Puts them back in place, so that they stay the same files.
fn restore(folder: &Path, before: &[(PathBuf, Vec<u8>)]) {
    for (path, _) in files(folder).iter().filter(|(path, _)| before.iter().all(|(other, _)| other != path)) {
        fs::remove_file(path).expect("it is ours");
    }
    for (path, bytes) in before {
        fs::write(path, bytes).expect("there is room");
    }
}

#[test]
fn a_log_that_ends_within_a_commit_of_one_key_is_the_store_before_it_unless_it_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (witness, log) = (folder.path().join("witness"), folder.path().join("db"));
    with_runs(folder.path(), 3);
    let (before, acknowledged) = block_on(async {
        let store = open(folder.path()).expect("it opens");
        insert(&store, 3).await.expect("the store works");
        let before = fs::read(&witness).expect("it is there");
        insert(&store, 4).await.expect("the store works");
        let acknowledged = fs::read(&witness).expect("it is there");
        store.close().await;
        (before, acknowledged)
    });
    let whole = files(folder.path());
    let bytes = fs::read(&log).expect("it is there");
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("a log is not empty") + 1;
    for (says, is_acknowledged) in [(before, false), (acknowledged, true)] {
        let mut found = Vec::new();
        for cut in (0..14).map(|n| end - 55 * n) {
            restore(folder.path(), &whole);
            fs::write(&witness, &says).expect("there is room");
            let mut left = bytes.clone();
            left[cut..].fill(0);
            fs::write(&log, left).expect("there is room");
            let damaged = files(folder.path());
            match open(folder.path()) {
                Ok(store) => found.push(block_on(async {
                    let runs = count(&store).await;
                    insert(&store, 9).await.expect("the store works");
                    store.close().await;
                    Some(runs)
                })),
                Err(OpenError::RolledBack { .. } | OpenError::Corrupt { .. }) => {
                    assert!(files(folder.path()) == damaged, "cut at {cut} of {end}: refused, and changed");
                    found.push(None);
                }
                Err(other) => panic!("cut at {cut} of {end}: {other}"),
            }
        }
        found.dedup();
        let expected = if is_acknowledged { vec![Some(5), None] } else { vec![Some(5), Some(4), None] };
        assert_eq!(found, expected, "acknowledged: {is_acknowledged}");
    }
}

#[test]
fn a_witness_that_is_missing_or_says_nothing_is_no_witness() {
    let folder = tempfile::tempdir().expect("a folder");
    with_runs(folder.path(), 3);
    let witness = folder.path().join("witness");
    let says = fs::read(&witness).expect("it is there");
    fs::remove_file(&witness).expect("it is there");
    let refused = open(folder.path()).expect_err("nobody knows what must be there");
    assert!(
        matches!(&refused, OpenError::Corrupt { reason, .. } if reason.contains("`witness` is missing")),
        "{refused}"
    );
    fs::write(&witness, vec![0; says.len()]).expect("there is room");
    let refused = open(folder.path()).expect_err("nobody knows what must be there");
    assert!(
        matches!(&refused, OpenError::Corrupt { reason, .. } if reason.contains("`witness` is damaged")),
        "{refused}"
    );
    fs::write(&witness, says).expect("there is room");
    assert_eq!(holds(folder.path()), 3);
}

#[test]
fn a_write_of_the_witness_that_was_torn_leaves_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    with_runs(folder.path(), 3);
    let witness = folder.path().join("witness");
    let says = fs::read(&witness).expect("it is there");
    for torn in [0..4096, 4096..8192] {
        let mut bytes = says.clone();
        bytes[torn].fill(0xFF);
        fs::write(&witness, bytes).expect("there is room");
        assert_eq!(holds(folder.path()), 3);
    }
}

#[test]
fn what_is_left_is_opened_by_who_accepts_the_loss_and_is_the_store_from_then_on() {
    let folder = tempfile::tempdir().expect("a folder");
    with_runs(folder.path(), 5);
    let earlier = fs::read(folder.path().join("db")).expect("it is there");
    with_runs(folder.path(), 5);
    fs::write(folder.path().join("db"), earlier).expect("there is room");
    let refused = open(folder.path()).expect_err("five runs are missing");
    assert!(matches!(refused, OpenError::RolledBack { found, expected, .. } if expected > found), "{refused}");
    block_on(async {
        let store = EmbeddedStore::open(folder.path(), options().accept_loss(true)).expect("it was accepted");
        assert_eq!(count(&store).await, 5);
        insert(&store, 99).await.expect("the store works");
        store.close().await;
    });
    assert_eq!(holds(folder.path()), 6, "no loss to accept any more");
}

#[test]
fn an_older_log_with_the_snapshot_and_the_witness_of_a_later_moment_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    with_runs(folder.path(), 5);
    let earlier = fs::read(folder.path().join("db")).expect("it is there");
    with_runs(folder.path(), 1);
    fs::write(folder.path().join("db"), &earlier).expect("there is room");
    open(folder.path()).expect_err("a run is missing");
    assert_eq!(fs::read(folder.path().join("db")).expect("it is there"), earlier, "a refusal changes nothing");
}

#[test]
fn a_folder_that_a_newer_release_wrote_is_refused_before_sled_has_it() {
    let folder = tempfile::tempdir().expect("a folder");
    with_runs(folder.path(), 1);
    let witness = folder.path().join("witness");
    let mut says = fs::read(&witness).expect("it is there");
    for slot in [0, 4096] {
        says[slot + 20..slot + 24].copy_from_slice(&7_000_u32.to_be_bytes());
        let checksum = crc32fast::hash(&says[slot..slot + 148]).to_be_bytes();
        says[slot + 148..slot + 152].copy_from_slice(&checksum);
    }
    fs::write(&witness, says).expect("there is room");
    let log = fs::read(folder.path().join("db")).expect("it is there");
    let refused = open(folder.path()).expect_err("it is newer");
    assert!(matches!(refused, OpenError::NewerFormat { found: 7_000, .. }), "{refused}");
    assert_eq!(fs::read(folder.path().join("db")).expect("it is there"), log);
}

#[test]
fn a_folder_that_is_removed_or_replaced_under_a_store_is_found_out_at_the_next_commit() {
    for replaced in [false, true] {
        let outside = tempfile::tempdir().expect("a folder");
        let (folder, moved) = (outside.path().join("store"), outside.path().join("moved"));
        block_on(async {
            let store = open(&folder).expect("it opens");
            let id = insert(&store, 1).await.expect("the store works");
            if replaced {
                fs::rename(&folder, &moved).expect("it is ours");
                with_runs_elsewhere(&folder);
            } else {
                fs::remove_dir_all(&folder).expect("it is ours");
            }
            let refused = insert(&store, 2).await.expect_err("it would be lost with the process");
            let StoreError::Broken { reason, remedy } = &refused else { panic!("{refused}") };
            assert!(reason.contains("not there any more"), "{reason}");
            assert!(remedy.contains("export"), "{remedy}");
            insert(&store, 3).await.expect_err("nothing more is acknowledged");
            assert_eq!(store.get(id).await.map(|run| run.run.id), Ok(id), "what was there can be read, and exported");
            store.close().await;
        });
    }
}

/// Another store in the same place, as by somebody who restored a backup under a process that runs.
fn with_runs_elsewhere(folder: &Path) {
    let (folder, clock) = (folder.to_owned(), TestClock::starting_at(NOW));
    assert_eq!(clock.now(), NOW);
    std::thread::spawn(move || with_runs(&folder, 1)).join().expect("it works");
}

#[test]
fn a_store_whose_newest_batch_is_there_and_an_older_key_is_not_is_refused() {
    // A run that waits, and one that is final, which an opening does not read.
    for lost in [b'p', b'd'] {
        let folder = tempfile::tempdir().expect("a folder");
        with_runs(folder.path(), 3);
        block_on(async {
            let store = open(folder.path()).expect("it opens");
            let id = insert(&store, 3).await.expect("the store works");
            store.cancel(id, None, Actor::UNKNOWN).await.expect("it waits");
            store.close().await;
        });
        let engine = sled::open(folder.path()).expect("it opens");
        let key = engine.scan_prefix([lost]).next().expect("there is one").expect("it is readable").0;
        engine.remove(key).expect("it is writable");
        drop(engine);
        let log = || fs::read(folder.path().join("db")).expect("it is there");
        let before = log();
        let refused = open(folder.path()).expect_err("a key is missing");
        let OpenError::Corrupt { reason, .. } = &refused else { panic!("{refused}") };
        assert!(reason.contains("not all that was written before is there"), "{reason}");
        assert_eq!(log(), before, "a refusal changes nothing");
    }
}
