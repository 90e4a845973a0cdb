//! The witness: a small file beside sled's that says what the store must hold. It is written after each commit, never
//! ahead of it, so what it says was acknowledged is a lower bound of what was.
//!
//! Two slots take turns, each on a page of its own, so that a write that is torn leaves the one before.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use longhaul_core::Timestamp;

use crate::{engine::kv::KvError, format::version::FORMAT_VERSION};

/// The file, and the name under which it is made.
pub(crate) const NAME: &str = "witness";
const NAME_NEW: &str = "witness.new";
/// sled's log.
pub(crate) const LOG: &str = "db";

const MAGIC: [u8; 16] = *b"longhaul witness";
/// Layout of a slot.
const LAYOUT: u32 = 1;
/// Between the beginnings of the slots: a disk writes no more than this at once.
const SLOT: usize = 4096;
/// Bytes of a slot that say something.
const LENGTH: usize = 152;

/// Which store it is. A copy has the same.
pub(crate) type StoreId = [u8; 16];

/// A batch, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Counted from 1; 0: none.
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
}

impl Mark {
    pub(crate) const NONE: Self = Self { number: 0, at: Timestamp::EPOCH };
}

/// Which file it is: a copy of it is another, however equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    inode: u64,
    /// Nanoseconds since 1970; 0 where the file system does not say.
    born: u64,
}

impl Identity {
    pub(crate) fn of(about: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(about);
        #[cfg(not(unix))]
        let inode = 0;
        let born = about.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        Self { inode, born: born.map_or(0, |born| born.as_nanos() as u64) }
    }
}

/// sled's newest snapshot, as far as it tells it from others. It is written only while sled opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Of its name and its last bytes, which are a checksum; 0: there is none.
    checksum: u32,
    length: u64,
}

impl Snapshot {
    pub(crate) fn of(folder: &Path) -> io::Result<Self> {
        let Some(path) = newest_snapshot(folder)? else { return Ok(Self::default()) };
        let mut file = File::open(&path)?;
        let length = file.metadata()?.len();
        let mut last = Vec::new();
        file.seek(SeekFrom::Start(length.saturating_sub(12)))?;
        file.read_to_end(&mut last)?;
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(path.file_name().unwrap_or_default().as_encoded_bytes());
        checksum.update(&last);
        Ok(Self { checksum: checksum.finalize(), length })
    }
}

/// The file that sled takes for its snapshot: the last by name.
pub(crate) fn newest_snapshot(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b"snap.") && !is_unfinished(&entry.path()) {
            newest = newest.max(Some(entry.path()));
        }
    }
    Ok(newest)
}

/// A snapshot that sled was writing when its process died.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "generating")
}

/// What the witness says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Testimony {
    /// The format of the store.
    pub(crate) format: u32,
    turn: u64,
    pub(crate) store: StoreId,
    /// Nothing was acknowledged yet.
    pub(crate) is_new: bool,
    /// The system's run in which it was written; zeros: not known.
    boot: [u8; 16],
    /// Survives the death of the process.
    flushed: Mark,
    /// Survives a power cut.
    synced: Mark,
    /// Bytes of sled's log.
    pub(crate) length: u64,
    pub(crate) identity: Identity,
    pub(crate) snapshot: Snapshot,
}

impl Testimony {
    /// Of a store to which nothing was written.
    pub(crate) fn new(store: StoreId) -> Self {
        Self {
            format: FORMAT_VERSION,
            turn: 0,
            store,
            is_new: true,
            boot: [0; 16],
            flushed: Mark::NONE,
            synced: Mark::NONE,
            length: 0,
            identity: Identity::default(),
            snapshot: Snapshot::default(),
        }
    }

    /// What must be there: as long as the system did not end, what was flushed; else what was synced.
    pub(crate) fn required(&self) -> Mark {
        if self.boot != [0; 16] && boot() == Some(self.boot) { self.flushed } else { self.synced }
    }

    fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(MAGIC);
        bytes.extend(LAYOUT.to_be_bytes());
        bytes.extend(self.format.to_be_bytes());
        bytes.extend(self.turn.to_be_bytes());
        bytes.extend(self.store);
        bytes.extend([u8::from(self.is_new), 0, 0, 0]);
        bytes.extend(self.boot);
        for mark in [self.flushed, self.synced] {
            bytes.extend(mark.number.to_be_bytes());
            bytes.extend(mark.at.as_micros().to_be_bytes());
        }
        bytes.extend(self.length.to_be_bytes());
        bytes.extend(self.identity.inode.to_be_bytes());
        bytes.extend(self.identity.born.to_be_bytes());
        bytes.extend(self.snapshot.checksum.to_be_bytes());
        bytes.extend(self.snapshot.length.to_be_bytes());
        bytes.resize(LENGTH - 4, 0);
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes.try_into().expect("as many bytes as a slot has")
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (said, checksum) = bytes.get(..LENGTH)?.split_last_chunk::<4>()?;
        if u32::from_be_bytes(*checksum) != crc32fast::hash(said) {
            return None;
        }
        let mut said = Reader(said);
        if said.take::<16>() != MAGIC || u32::from_be_bytes(said.take()) != LAYOUT {
            return None;
        }
        let format = u32::from_be_bytes(said.take());
        let turn = said.number();
        let store = said.take();
        let [is_new, ..] = said.take::<4>();
        let boot = said.take();
        let [flushed, synced] =
            [(); 2].map(|()| Mark { number: said.number(), at: Timestamp::from_micros(said.number() as i64) });
        let length = said.number();
        let identity = Identity { inode: said.number(), born: said.number() };
        let snapshot = Snapshot { checksum: u32::from_be_bytes(said.take()), length: said.number() };
        Some(Self { format, turn, store, is_new: is_new != 0, boot, flushed, synced, length, identity, snapshot })
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (taken, rest) = self.0.split_first_chunk().expect("the length is known");
        self.0 = rest;
        *taken
    }

    fn number(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }
}

/// What is found in place of a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing.
    None,
    Says(Testimony),
    /// A file that says nothing.
    Damaged,
}

/// Looks for the witness of a folder.
pub(crate) fn read(folder: &Path) -> io::Result<Found> {
    let bytes = match fs::read(folder.join(NAME)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::None),
        Err(error) => return Err(error),
    };
    let slots = [bytes.get(..LENGTH), bytes.get(SLOT..SLOT + LENGTH)];
    let newest = slots.into_iter().flatten().filter_map(Testimony::read).max_by_key(|testimony| testimony.turn);
    Ok(newest.map_or(Found::Damaged, Found::Says))
}

/// The witness of a folder that is in use.
pub(crate) struct Witness {
    file: File,
    folder: PathBuf,
    says: Testimony,
    /// sled's log: where it is looked for, and our own descriptor of it.
    log: PathBuf,
    descriptor: File,
}

/// How many writes of the witness go by between two looks at the attributes of sled's log.
const LOOK_EVERY: u64 = 128;

impl Witness {
    /// Makes the file where there is none, or none that says this.
    pub(crate) fn create(folder: &Path, says: &Testimony) -> io::Result<()> {
        let new = folder.join(NAME_NEW);
        let mut file = File::create(&new)?;
        let mut bytes = vec![0; 2 * SLOT];
        bytes[..LENGTH].copy_from_slice(&says.to_bytes());
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(new, folder.join(NAME))?;
        File::open(folder)?.sync_all()
    }

    /// The witness of the folder whose sled is open by now, to go on from `says`.
    pub(crate) fn open(folder: &Path, says: Testimony) -> io::Result<Self> {
        // The folder may be given relative to a directory that is left later.
        let folder = fs::canonicalize(folder)?;
        let file = OpenOptions::new().write(true).open(folder.join(NAME))?;
        let log = folder.join(LOG);
        let descriptor = File::open(&log)?;
        let snapshot = Snapshot::of(&folder)?;
        let identity = Identity::of(&descriptor.metadata()?);
        let says = Testimony { format: FORMAT_VERSION, boot: boot().unwrap_or_default(), identity, snapshot, ..says };
        Ok(Self { file, folder, says, log, descriptor })
    }

    /// The last batch that is known to survive a power cut.
    pub(crate) const fn synced(&self) -> Mark {
        self.says.synced
    }

    /// Batches up to `flushed` survive the death of the process, unless the folder is gone, and those up to `synced` a power
    /// cut. This file is not synced, so it may be older after a power cut.
    pub(crate) fn attest(&mut self, flushed: Mark, synced: Mark) -> Result<(), KvError> {
        self.says.length = self.length_in_place()?;
        (self.says.flushed, self.says.synced) = (flushed, synced);
        self.says.is_new = false;
        Ok(self.write()?)
    }

    /// sled has let go of its files.
    pub(crate) fn closed(&mut self) -> io::Result<()> {
        if self.says.is_new {
            return Ok(());
        }
        self.says.length = self.descriptor.metadata()?.len();
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        self.says.turn += 1;
        let slot = self.says.turn % 2 * SLOT as u64;
        write_at(&mut self.file, &self.says.to_bytes(), slot)
    }

    /// What is written goes to a file without a name once the folder was removed or replaced, and is lost with the
    /// process. Answers how long sled's log is.
    ///
    /// Reading the attributes of a file makes its next write keep a new time of change, which costs 20 µs a commit. The
    /// name of an open file costs 2 µs, and changes with every removal and every renaming that this system knows of. The
    /// attributes are read when the name is another, and now and then for what a name does not show: a file system that
    /// was mounted over the folder, or another machine that removed it.
    fn length_in_place(&mut self) -> Result<u64, KvError> {
        let looks = self.says.turn.is_multiple_of(LOOK_EVERY);
        if looks || name_of(&self.descriptor).is_none_or(|name| name != self.log) {
            self.look()?;
        }
        Ok(self.descriptor.seek(SeekFrom::End(0))?)
    }

    /// Whether the file in the place of sled's log is the one that is open.
    fn look(&self) -> Result<(), KvError> {
        let gone = |what: &str| Err(KvError::Gone(format!("{} {what}", self.folder.display())));
        match fs::metadata(&self.log) {
            Ok(about) if Identity::of(&about) == self.says.identity => Ok(()),
            Ok(_) => gone("was replaced by another"),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                gone("was removed, or has another name")
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The path of an open file, where the system says it. A file that was removed has another one than before.
#[cfg(target_os = "linux")]
fn name_of(file: &File) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file))).ok()
}

#[cfg(not(target_os = "linux"))]
fn name_of(_: &File) -> Option<PathBuf> {
    None
}

#[cfg(unix)]
fn write_at(file: &mut File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn write_at(file: &mut File, bytes: &[u8], at: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// Which run of the operating system this is, where it says so: a power cut ends it.
fn boot() -> Option<[u8; 16]> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    Some(u128::from_str_radix(&digits, 16).ok()?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(number: u64) -> Mark {
        Mark { number, at: Timestamp::from_micros(-7) }
    }

    fn testimony() -> Testimony {
        Testimony {
            turn: 5,
            is_new: false,
            boot: boot().unwrap_or([3; 16]),
            flushed: mark(9),
            synced: mark(7),
            length: 1 << 40,
            identity: Identity { inode: 4, born: 1_800_000_000_000_000_000 },
            snapshot: Snapshot { checksum: 8, length: 9 },
            ..Testimony::new([6; 16])
        }
    }

    #[test]
    fn what_it_says_is_read_back_and_each_flipped_bit_is_noticed() {
        let bytes = testimony().to_bytes();
        assert_eq!(Testimony::read(&bytes), Some(testimony()));
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[at / 8] ^= 1 << (at % 8);
            assert_eq!(Testimony::read(&flipped), None, "bit {at}");
        }
    }

    #[test]
    fn after_a_power_cut_no_more_is_required_than_what_was_synced() {
        let Some(now) = boot() else { return println!("the system does not say in which run it is") };
        assert_eq!(Testimony { boot: now, ..testimony() }.required(), mark(9));
        for before in [[0; 16], now.map(|byte| !byte)] {
            assert_eq!(Testimony { boot: before, ..testimony() }.required(), mark(7));
        }
    }

    #[test]
    fn the_newer_of_its_slots_is_what_it_says() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(LOG), "a log").expect("there is room");
        Witness::create(folder.path(), &Testimony::new([6; 16])).expect("there is room");
        let mut witness = Witness::open(folder.path(), Testimony::new([6; 16])).expect("it is there");
        for number in 1..5 {
            witness.attest(mark(number), Mark::NONE).expect("the log is in place");
            let Found::Says(says) = read(folder.path()).expect("it is readable") else { panic!("{number} is lost") };
            assert_eq!((says.flushed, says.length, says.is_new), (mark(number), 5, false));
        }
    }

    /// A folder with a log, its witness, and a place beside it.
    fn in_use() -> (tempfile::TempDir, PathBuf, Witness) {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("store");
        fs::create_dir(&folder).expect("there is room");
        fs::write(folder.join(LOG), "a log").expect("there is room");
        Witness::create(&folder, &Testimony::new([6; 16])).expect("there is room");
        let witness = Witness::open(&folder, Testimony::new([6; 16])).expect("it is there");
        (parent, folder, witness)
    }

    type Change = fn(&Path);

    #[test]
    fn a_log_that_was_removed_moved_or_replaced_is_noticed_at_the_next_write() {
        let changes: [(&str, Change); 6] = [
            ("the log is removed", |folder| fs::remove_file(folder.join(LOG)).expect("it is ours")),
            ("the log has another name", |folder| {
                fs::rename(folder.join(LOG), folder.join("other")).expect("it is ours");
            }),
            ("the log is replaced", |folder| {
                fs::write(folder.join("other"), "a log").expect("there is room");
                fs::rename(folder.join("other"), folder.join(LOG)).expect("it is ours");
            }),
            ("the folder is removed", |folder| fs::remove_dir_all(folder).expect("it is ours")),
            ("the folder has another name", |folder| {
                fs::rename(folder, folder.with_extension("away")).expect("it is ours");
            }),
            ("another folder is in its place", |folder| {
                fs::rename(folder, folder.with_extension("away")).expect("it is ours");
                fs::create_dir(folder).expect("there is room");
                fs::write(folder.join(LOG), "a log").expect("there is room");
            }),
        ];
        for (how, change) in changes {
            let (_parent, folder, mut witness) = in_use();
            (1..3).for_each(|number| witness.attest(mark(number), Mark::NONE).expect("the log is in place"));
            change(&folder);
            let outcome = witness.attest(mark(3), Mark::NONE);
            assert!(matches!(outcome, Err(KvError::Gone(_))), "{how}: {outcome:?}");
        }
    }

    #[test]
    fn a_log_that_grows_is_in_its_place_and_its_length_is_kept() {
        let (_parent, folder, mut witness) = in_use();
        for number in 1..2 * LOOK_EVERY {
            let longer = vec![0; number as usize];
            fs::write(folder.join(LOG), longer).expect("there is room");
            witness.attest(mark(number), Mark::NONE).expect("the log is in place");
            let Found::Says(says) = read(&folder).expect("it is readable") else { panic!("{number} is lost") };
            assert_eq!((says.flushed, says.length), (mark(number), number));
        }
    }

    #[test]
    fn a_copy_is_another_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, copy] = ["one", "copy"].map(|name| folder.path().join(name));
        fs::write(&one, "the same").expect("there is room");
        fs::copy(&one, &copy).expect("there is room");
        let of = |path: &Path| Identity::of(&fs::metadata(path).expect("it is there"));
        assert_ne!(of(&one), of(&copy));
        let before = of(&one);
        fs::write(&one, "other").expect("there is room");
        fs::rename(&one, &copy).expect("it is ours");
        assert_eq!(of(&copy), before, "neither other bytes nor another name make it another file");
    }
}
