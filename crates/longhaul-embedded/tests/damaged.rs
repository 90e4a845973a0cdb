//! Folders that are not what was written: whatever happened to their files, they open with everything, or they are
//! refused and stay as they are.

use longhaul_core::store::prelude::*;
use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use longhaul_core::{
    Ended, Envelope, NewRun, RunId, ServerId, Snapshot, Timestamp,
    store::{Checkpoint, ClaimRequest, PageRequest, Settlement},
};
use longhaul_embedded::{Durability, EmbeddedStore, OpenError, Options};
use longhaul_testkit::{
    TestClock,
    fixture::{self, large_value, support, value},
};

/// Folders that are damaged; more on demand: `LONGHAUL_DAMAGED_FOLDERS=20000`.
fn folders() -> usize {
    std::env::var("LONGHAUL_DAMAGED_FOLDERS").map_or(1000, |count| count.parse().expect("a number of folders"))
}

/// Where chance begins; `LONGHAUL_DAMAGE_SEED` repeats a test.
fn seed() -> u64 {
    std::env::var("LONGHAUL_DAMAGE_SEED")
        .map_or_else(|_| u64::from(std::process::id()), |seed| seed.parse().expect("a seed"))
}

/// Longer than any opening takes on the slowest machine: what is not back by then hangs, and then there is an error
/// after that long again.
const STALLS: Duration = Duration::from_secs(60);
const HANGS: Duration = Duration::from_secs(300);
const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(test)
}

fn options() -> Options {
    Options::new(Arc::new(TestClock::starting_at(NOW))).durability(Durability::Process).open_timeout(STALLS)
}

/// The same numbers for the same seed.
struct Chance(u64);

impl Chance {
    /// xorshift64*
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end as u64) as usize
    }
}

/// What is known of a run: it never becomes less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Enqueued,
    Saved,
    Completed,
    /// It counts in its execution metadata, and came at least to this.
    Counted(u64),
}

/// Every run of which something was acknowledged, by its number.
type Ledger = BTreeMap<u64, Stage>;

/// A large value for some runs, made once.
fn value_of(n: u64, every: u64, least: usize) -> Envelope {
    static LARGE: LazyLock<Mutex<BTreeMap<usize, Envelope>>> = LazyLock::new(Mutex::default);
    if !n.is_multiple_of(every) {
        return value(n + every);
    }
    let length = least + n as usize % 5 * 777;
    let mut large = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
    large.entry(length).or_insert_with(|| large_value(length)).clone()
}

fn metadata(n: u64) -> Envelope {
    value_of(n, 7, 9_000)
}

fn saved(n: u64) -> Envelope {
    value_of(n, 5, 2_000)
}

fn result(n: u64) -> Envelope {
    value_of(n, 3, 1_500)
}

/// One more round of work, told to the ledger as soon as it is acknowledged.
async fn work(store: &EmbeddedStore, server: ServerId, round: u64, ledger: &Mutex<Ledger>) {
    let tell = |n, stage| ledger.lock().unwrap_or_else(PoisonError::into_inner).insert(n, stage);
    let numbers: Vec<u64> = (round * 8..round * 8 + 8).collect();
    let new = |n: &u64| NewRun { metadata: metadata(*n), ..fixture::new_run(NOW, "plain", *n) };
    let inserted = store.insert(numbers.iter().map(new).collect()).await.expect("the store works");
    for (n, inserted) in numbers.iter().zip(inserted) {
        inserted.expect("the run is new");
        tell(*n, Stage::Enqueued);
    }
    let request = ClaimRequest::new(server, [support("plain", 1)].into(), 7);
    let claimed = store.claim(request).await.expect("the store works");
    let ids: BTreeMap<RunId, u64> = (0..round * 8 + 8).map(|n| (fixture::run_id(NOW, n), n)).collect();
    for one in &claimed {
        let (id, epoch, n) = (one.run.id, one.run.epoch, ids[&one.run.id]);
        let checkpoint =
            Checkpoint { id, epoch, seq: 1, execution_metadata: Some(saved(n)), taken: Vec::new(), progress: None };
        store.checkpoint(vec![checkpoint]).await.expect("the store works").remove(0).expect("it holds its run");
        tell(n, Stage::Saved);
        if n % 4 != 1 {
            let ending = longhaul_core::Ending::Completed { result: result(n) };
            let settlement =
                Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None };
            store.settle(vec![settlement]).await.expect("the store works").remove(0).expect("it holds its run");
            tell(n, Stage::Completed);
        }
    }
}

/// Writes again and again, so that the log is not still, and does not grow for ever.
async fn count(store: &EmbeddedStore, server: ServerId, ledger: &Mutex<Ledger>, ends: &AtomicBool) {
    let n = u64::from(u32::MAX);
    let new = fixture::new_run(NOW, "counting", n);
    store.insert(vec![new]).await.expect("the store works").remove(0).expect("the run is new");
    let request = ClaimRequest::new(server, [support("counting", 1)].into(), 1);
    let claimed = store.claim(request).await.expect("the store works").remove(0);
    for seq in 1_u32.. {
        if ends.load(Ordering::Relaxed) {
            break;
        }
        let execution_metadata = Some(value(seq.into()));
        let (id, epoch) = (claimed.run.id, claimed.run.epoch);
        let checkpoint = Checkpoint { id, epoch, seq, execution_metadata, taken: Vec::new(), progress: None };
        store.checkpoint(vec![checkpoint]).await.expect("the store works").remove(0).expect("it holds its run");
        ledger.lock().unwrap_or_else(PoisonError::into_inner).insert(n, Stage::Counted(seq.into()));
    }
}

/// All runs of a store that are in `ledger` are at least as far.
async fn check(store: &EmbeddedStore, ledger: &Ledger, how: &str) {
    let mut found: BTreeMap<RunId, Snapshot> = BTreeMap::new();
    let mut request = PageRequest { limit: 1000, ..PageRequest::default() };
    loop {
        let page = store.list(request.clone()).await.expect("the store works");
        assert!(page.damaged.is_empty(), "{how}: opened with damage: {:?}", page.damaged);
        found.extend(page.runs.into_iter().map(|run| (run.run.id, run)));
        match page.next {
            Some(next) => request.after = Some(next),
            None => break,
        }
    }
    for (n, stage) in ledger {
        let run = found.get(&fixture::run_id(NOW, *n)).unwrap_or_else(|| panic!("{how}: opened without the run {n}"));
        if let Stage::Counted(least) = stage {
            let count = run.execution_metadata.as_ref().map(|count| count.decode::<u64>().expect("a number"));
            assert!(count >= Some(*least), "{how}: opened at {count:?} of {least}");
            continue;
        }
        assert_eq!(run.metadata, metadata(*n), "{how}: the metadata of {n}");
        if *stage >= Stage::Saved {
            assert_eq!(run.execution_metadata, Some(saved(*n)), "{how}: opened with an older value of {n}");
        }
        if *stage == Stage::Completed {
            assert_eq!(run.ended, Some(Ended::Completed(result(*n))), "{how}: {n} is not completed any more");
        }
    }
    let report = store.verify().await.expect("the store works");
    assert_eq!(report.problems, [""; 0], "{how}");
}

/// The files of a folder by their names, without the lock.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let (path, name) = entry.map(|entry| (entry.path(), PathBuf::from(entry.file_name()))).expect("it is readable");
        if path.is_dir() {
            files.extend(self::files(&path).into_iter().map(|(inner, bytes)| (name.join(inner), bytes)));
        } else if name != Path::new("LOCK") {
            files.insert(name, fs::read(&path).expect("it is readable"));
        }
    }
    files
}

/// Puts the files back, those that are still there in place: they stay the same files.
fn restore(folder: &Path, files: &Files) {
    for name in self::files(folder).into_keys().filter(|name| !files.contains_key(name)) {
        fs::remove_file(folder.join(name)).expect("it is ours");
    }
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("it is writable");
    }
}

/// What came of an opening.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Whole,
    RolledBack,
    Corrupt,
    /// sled did not come back: the folder stays locked as long as this process lives.
    Stalled,
}

/// Opens a folder on a thread of its own: an opening that hangs fails the test instead of hanging it.
fn open_and_check(folder: &Path, ledger: &Ledger, how: &str) -> Verdict {
    let before = files(folder);
    let (sender, receiver) = mpsc::channel();
    let worker = {
        let (folder, ledger, how) = (folder.to_owned(), ledger.clone(), how.to_owned());
        thread::spawn(move || {
            let verdict = match EmbeddedStore::open(&folder, options()) {
                Ok(store) => {
                    block_on(async {
                        check(&store, &ledger, &how).await;
                        store.close().await;
                    });
                    Verdict::Whole
                }
                Err(OpenError::RolledBack { .. }) => Verdict::RolledBack,
                Err(OpenError::Corrupt { .. }) => Verdict::Corrupt,
                Err(OpenError::Stalled { .. }) => Verdict::Stalled,
                Err(other) => panic!("{how}: {other}"),
            };
            let _ = sender.send(verdict);
        })
    };
    match receiver.recv_timeout(HANGS) {
        Ok(verdict) => {
            if verdict != Verdict::Whole {
                let mut after = files(folder);
                if verdict == Verdict::Stalled {
                    // sled may still be at work in the copy.
                    after.retain(|name, _| !name.starts_with("copy-to-check"));
                }
                let changed = |path: &&PathBuf| before.get(*path) != after.get(*path);
                let changed: Vec<_> = before.keys().chain(after.keys()).filter(changed).collect();
                assert!(changed.is_empty(), "{how}: refused as {verdict:?}, and yet {changed:?} changed");
            }
            verdict
        }
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{how}: the opening hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("it sends before it ends"),
        },
    }
}

/// Half of the damage is in `db`, which is most of what there is.
fn any_file(folder: &Path, chance: &mut Chance) -> PathBuf {
    let all: Vec<PathBuf> = files(folder).into_keys().collect();
    folder.join(if chance.below(2) == 0 { Path::new("db") } else { &all[chance.below(all.len())] })
}

/// Damages one file, and says how. What is removed goes to `away`.
fn damage(folder: &Path, away: &Path, others: &[Files], chance: &mut Chance) -> String {
    let kind = chance.below(20);
    let path = if kind < 14 { folder.join("db") } else { any_file(folder, chance) };
    let mut bytes = fs::read(&path).expect("it is readable");
    let at = chance.below(bytes.len());
    let what = match kind {
        0..=4 | 14 => {
            bytes.truncate(at);
            "truncated"
        }
        5..=9 | 15 => {
            bytes[at] ^= 1 << chance.below(8);
            "one bit flipped"
        }
        10..=13 | 16 => {
            let end = bytes.len().min(at + 4096);
            bytes[at..end].fill(0);
            "4 KiB zeroed"
        }
        17 | 18 => {
            fs::rename(&path, away).expect("it is ours");
            return format!("{} removed", path.display());
        }
        _ => {
            // Of another store, or of an earlier moment of this one.
            let others = &others[chance.below(others.len())];
            let name = path.strip_prefix(folder).expect("it is in there");
            others.get(name).unwrap_or(&Vec::new()).clone_into(&mut bytes);
            "swapped"
        }
    };
    fs::write(&path, bytes).expect("it is writable");
    format!("{} {what} at {at}", path.display())
}

/// In memory, where that is possible: what a power cut leaves is not looked at here.
fn temporary() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// Damages the folder of a store again and again, and counts what came of it.
fn damage_and_open(rounds: usize, mut chance: Chance) -> BTreeMap<String, usize> {
    let temporary = temporary();
    let at = |name: &str| temporary.path().join(name);
    let (mut folder, other, away) = (at("store"), at("other"), at("away"));
    let ledger = Mutex::new(Ledger::new());
    work_in(&folder, 0..18, &ledger);
    let earlier = files(&folder);
    work_in(&folder, 18..24, &ledger);
    let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    work_in(&other, 0..6, &Mutex::default());
    let (mut origin, others) = (files(&folder), [files(&other), earlier]);
    let mut verdicts = BTreeMap::new();
    for round in 0..rounds {
        let how = damage(&folder, &away, &others, &mut chance);
        let verdict = open_and_check(&folder, &ledger, &how);
        *verdicts.entry(format!("{verdict:?}")).or_default() += 1;
        if verdict == Verdict::Stalled {
            // A copy takes its place.
            folder = at(&format!("store-{round}"));
            fs::create_dir(&folder).expect("there is room");
            restore(&folder, &origin);
            assert_eq!(open_and_check(&folder, &ledger, "put back"), Verdict::Whole);
            origin = files(&folder);
        }
        for name in origin.keys().filter(|name| !folder.join(name).exists() && away.exists()) {
            fs::rename(&away, folder.join(name)).expect("it was there");
        }
        let _ = fs::remove_file(&away);
        restore(&folder, &origin);
    }
    assert_eq!(open_and_check(&folder, &ledger, "put back"), Verdict::Whole);
    verdicts
}

/// Works in two openings, so that sled writes a snapshot, and there is a log behind it. The store is closed in the end.
fn work_in(folder: &Path, rounds: Range<u64>, ledger: &Mutex<Ledger>) {
    block_on(async {
        let server = fixture::server_id(NOW, rounds.end);
        let middle = u64::midpoint(rounds.start, rounds.end);
        for half in [rounds.start..middle, middle..rounds.end] {
            let store = EmbeddedStore::open(folder, options()).expect("it opens");
            for round in half {
                work(&store, server, round, ledger).await;
            }
            store.close().await;
        }
    });
}

#[test]
fn a_damaged_folder_opens_with_everything_or_is_refused_and_stays_as_it_is() {
    let (folders, seed) = (folders(), seed());
    println!("LONGHAUL_DAMAGE_SEED={seed}");
    let shards = [1, 2].map(|shard| {
        let chance = Chance(seed << 8 | shard);
        thread::spawn(move || damage_and_open(folders.div_ceil(2), chance))
    });
    let mut verdicts = BTreeMap::<String, usize>::new();
    for shard in shards {
        match shard.join() {
            Ok(counted) => {
                for (verdict, count) in counted {
                    *verdicts.entry(verdict).or_default() += count;
                }
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    println!("{verdicts:?}");
}

/// Copies a folder file by file, in whatever order, while somebody writes to it.
fn copy(from: &Path, to: &Path, chance: &mut Chance) {
    fs::create_dir_all(to).expect("a new folder");
    let mut names: Vec<_> = fs::read_dir(from).expect("it is there").filter_map(Result::ok).collect();
    while !names.is_empty() {
        let entry = names.swap_remove(chance.below(names.len()));
        if entry.path().is_file() {
            // sled may have removed a snapshot meanwhile.
            let _ = fs::copy(entry.path(), to.join(entry.file_name()));
        }
    }
}

/// Copies of one store, and rounds of work with it: more, and checking it takes long.
const COPIES_OF_ONE: usize = 10;
const ROUNDS_MAX: u64 = 30;

/// Works with a store while it is copied and the copies are opened.
fn copy_and_open(chance: &mut Chance, verdicts: &mut BTreeMap<String, usize>) {
    let temporary = temporary();
    let (folder, copied) = (temporary.path().join("store"), temporary.path().join("copy"));
    let (ledger, ends) = (Arc::new(Mutex::new(Ledger::new())), Arc::new(AtomicBool::new(false)));
    let worker = {
        let (folder, ledger, ends) = (folder.clone(), Arc::clone(&ledger), Arc::clone(&ends));
        thread::spawn(move || {
            block_on(async {
                let store = EmbeddedStore::open(&folder, options()).expect("it opens");
                let server = fixture::server_id(NOW, 1);
                for round in 0..ROUNDS_MAX {
                    if ends.load(Ordering::Relaxed) {
                        break;
                    }
                    work(&store, server, round, &ledger).await;
                }
                count(&store, server, &ledger, &ends).await;
                store.close().await;
            });
        })
    };
    let known = || ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
    while known().len() < 40 {
        thread::yield_now();
    }
    for _ in 0..COPIES_OF_ONE {
        // All of it was acknowledged before the copy began, so the witness knows of it, whenever it is copied.
        let known = known();
        copy(&folder, &copied, chance);
        let verdict = open_and_check(&copied, &known, "a copy");
        *verdicts.entry(format!("{verdict:?}")).or_default() += 1;
        fs::remove_dir_all(&copied).expect("it is ours");
    }
    ends.store(true, Ordering::Relaxed);
    worker.join().expect("it works");
}

#[test]
fn a_copy_of_a_folder_in_use_opens_with_everything_that_was_acknowledged_or_is_refused() {
    let (stores, seed) = (folders().div_ceil(10 * COPIES_OF_ONE), seed());
    println!("LONGHAUL_DAMAGE_SEED={seed}");
    let (mut chance, mut verdicts) = (Chance(seed << 8 | 3), BTreeMap::new());
    for _ in 0..stores {
        copy_and_open(&mut chance, &mut verdicts);
    }
    println!("{verdicts:?}");
}
