//! Opening a folder: what has to be seen to before sled may look at it, and after.
//!
//! sled takes what it can read for the store, and writes while it opens. So a folder is opened only when it is known
//! that it holds what it must: because nothing about it is odd, or because a copy of it opened and was complete.

use std::{
    fs,
    hash::{BuildHasher, Hasher, RandomState},
    io,
    path::Path,
    sync::Arc,
};

use longhaul_core::Clock;

use super::{
    look,
    refusal::{Refusal, guarded},
    steps::Opening,
    trial,
};
use crate::{
    committer::{
        queue::Running,
        start::{StartError, start},
    },
    engine::{
        kv::{Guarded, Kv, KvError},
        lock::{FolderLock, LockError},
        seal::{self, Digests, Seal, Sealed},
        watchdog::Watchdog,
        witness::{self, Found, Identity, LOG, Mark, Snapshot, StoreId, Testimony, Witness},
    },
    error::{Fault, OpenError},
    format::version::FORMAT_VERSION,
    options::{Durability, Options},
    state::{recover::Recovery, set_aside::SetAside},
};

/// A store that was opened.
pub(crate) struct Opened {
    pub(crate) running: Running,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) durability: Durability,
    /// What could not be read, and was set aside.
    pub(crate) aside: Vec<SetAside>,
}

pub(crate) fn open(folder: &Path, options: Options, watchdog: Watchdog) -> Result<Opened, OpenError> {
    let in_folder = |error: io::Error| Refusal::from(error).explain(folder);
    match fs::metadata(folder) {
        Ok(about) if !about.is_dir() => return Err(OpenError::NotAFolder { folder: folder.into() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(folder).map_err(in_folder)?,
        Err(error) => return Err(in_folder(error)),
    }
    let lock = FolderLock::take(folder).map_err(|error| match error {
        LockError::Locked(holder) => OpenError::Locked { folder: folder.into(), holder },
        LockError::Io(error) => in_folder(error),
    })?;
    let opening = Opening { folder, options: &options, watchdog: &watchdog };
    let sealed = opening.sealed(&lock).map_err(|refusal| refusal.explain(folder))?;
    over(Box::new(sealed), options, folder, watchdog)
}

impl Opening<'_> {
    /// The engine of a folder that holds what it must.
    fn sealed(self, lock: &FolderLock) -> Result<Sealed, Refusal> {
        let Self { folder, options, .. } = self;
        trial::remove(folder)?;
        let trust = match self.examine() {
            Err(loss) if loss.is_loss() && options.accepts_loss => {
                tracing::warn!(error = %loss.explain(folder), "the store is opened with what is left, as was asked for");
                let says = match witness::read(folder)? {
                    Found::Says(says) => Some(says),
                    Found::None | Found::Damaged => None,
                };
                Trust::Loss(says)
            }
            examined => examined?,
        };
        let (says, seals) = match trust {
            Trust::Witness(says) => (says, false),
            Trust::Empty | Trust::Older | Trust::Loss(None) => (Testimony::new(store_id()), true),
            Trust::Loss(Some(says)) => (says, true),
        };
        if let Trust::Empty = trust {
            // Before sled makes its files: a folder with some of them, and no witness, is one that lost the others.
            Witness::create(folder, &says)?;
        }
        remove_unfinished_snapshots(folder)?;
        let kv = Box::new(self.engine(folder, Some(lock.clone()))?);
        let clock = Arc::clone(&options.clock);
        if !seals {
            let (kv, seal) = self.reading(kv, |kv| {
                let seal = trial::compare(kv, &says)?;
                let live = Digests::live_of(kv, &|| self.beat())?;
                trial::holding(seal, live, &says)
            })?;
            let witness = Witness::open(folder, says)?;
            return Ok(Sealed::new(kv, seal, clock, Some(witness), Some(lock.clone())));
        }
        let digests = |kv: &dyn Kv| Digests::of_all(kv, &|| self.beat());
        let (kv, (before, digests)) = self.reading(kv, |kv| Ok((seal::of(kv), digests(kv)?)))?;
        let before = before.ok().flatten().map_or(0, |seal| seal.mark.number).max(says.required().number);
        let seal =
            Seal { store: says.store, mark: Mark { number: before + 1, at: clock.now() }, digests, live_before: None };
        if !matches!(trust, Trust::Empty) {
            Witness::create(folder, &Testimony::new(says.store))?;
        }
        let witness = Witness::open(folder, Testimony::new(says.store))?;
        Ok(guarded(|| Sealed::anew(kv, seal, clock, Some(witness), Some(lock.clone())))?)
    }
}

/// Why a folder may be opened.
enum Trust {
    /// There is nothing in it, or nothing that was acknowledged.
    Empty,
    /// It has no witness, and never had one.
    Older,
    /// It holds what its witness says.
    Witness(Testimony),
    /// It does not, and that was accepted.
    Loss(Option<Testimony>),
}

impl Opening<'_> {
    /// Looks at a folder, and changes nothing in it.
    fn examine(self) -> Result<Trust, Refusal> {
        let folder = self.folder;
        let says = match witness::read(folder)? {
            Found::Damaged => return Err(Refusal::Corrupt("its file `witness` is damaged".into())),
            Found::Says(says) if says.format > FORMAT_VERSION => return Err(Refusal::NewerFormat(says.format)),
            Found::Says(says) => Some(says),
            Found::None => None,
        };
        let log = match fs::metadata(folder.join(LOG)) {
            Ok(about) => Some(about),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let Some(log) = log else {
            return match says {
                Some(says) if !says.is_new => Err(Refusal::RolledBack { found: None, required: says.required() }),
                None if has_engine_files(folder)? => Err(Refusal::Corrupt("its file `db` is missing".into())),
                _ => Ok(Trust::Empty),
            };
        };
        let look = look::look(folder, &|| self.beat())?;
        let Some(says) = says else {
            return match look.seal {
                Some(_) => Err(Refusal::Corrupt("its file `witness` is missing".into())),
                None => Ok(Trust::Older),
            };
        };
        if says.is_new {
            return Ok(Trust::Empty);
        }
        let reaches = trial::check_mark(look.seal.as_ref(), &says).is_ok();
        let is_damaged = look.odd.is_some();
        let odd = if Identity::of(&log) != says.identity {
            Some("it is a copy".into())
        } else if log.len() < says.length {
            Some(format!("`db` has {} bytes, and had {}", log.len(), says.length))
        } else if Snapshot::of(folder)? != says.snapshot {
            Some("sled's snapshot is another one".into())
        } else if !reaches {
            Some("the end of `db` is missing".into())
        } else {
            look.odd
        };
        if let Some(odd) = &odd {
            tracing::info!(folder = %folder.display(), odd, "a copy of the store is checked before it is opened");
            self.attempt(&says).map_err(|refusal| match refusal {
                // We read what sled did not find. It takes what it failed to read for what is not there.
                Refusal::RolledBack { .. } if reaches && !is_damaged => {
                    Refusal::Engine(KvError::Io("sled did not read all of its files, and did not say why".into()))
                }
                refusal => refusal,
            })?;
        }
        Ok(Trust::Witness(says))
    }
}

/// Whether sled was here.
fn has_engine_files(folder: &Path) -> io::Result<bool> {
    Ok(folder.join("conf").exists() || witness::newest_snapshot(folder)?.is_some())
}

/// A number that no other store has.
fn store_id() -> StoreId {
    let random = || RandomState::new().build_hasher().finish().to_be_bytes();
    let mut id = [0; 16];
    id[..8].copy_from_slice(&random());
    id[8..].copy_from_slice(&random());
    id
}

/// A store over an engine.
pub(crate) fn over(kv: Box<dyn Kv>, options: Options, folder: &Path, watchdog: Watchdog) -> Result<Opened, OpenError> {
    let Options { clock, durability, sets_aside, engine_timeout, open_timeout, .. } = options;
    let kv = Box::new(Guarded::new(kv, Arc::clone(&watchdog.pulse)));
    let mut recovery = Recovery::new(kv, clock.now(), sets_aside);
    let found = guarded(|| {
        recovery.recover(clock.now()).map_err(|fault| match fault {
            Fault::Engine(error) => error,
            Fault::Damage(damage) => KvError::Corrupt(damage.to_string()),
        })
    });
    let failed = match found.map_err(|error| Refusal::from(error).explain(folder)) {
        Ok(None) => None,
        Ok(Some(found)) => Some(OpenError::NewerFormat { folder: folder.into(), found, known: FORMAT_VERSION }),
        Err(error) => Some(error),
    };
    if let Some(failed) = failed {
        // Before the engine is dropped, which may not come back.
        watchdog.failed(&failed);
        return Err(failed);
    }
    let (state, aside) = recovery.finish();
    let running =
        start(state, Arc::clone(&clock), durability, watchdog, engine_timeout).map_err(|error| match error {
            StartError::Stalled => OpenError::Stalled { folder: folder.into(), after: open_timeout },
            StartError::NoThread(error) => Refusal::from(error).explain(folder),
        })?;
    Ok(Opened { running, clock, durability, aside })
}

/// A process that is killed while sled writes a snapshot leaves a file of this name, and sled takes it for a snapshot
/// at every later opening, which fails. The snapshot before it is still there; so it can go.
fn remove_unfinished_snapshots(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            tracing::warn!(file = %entry.path().display(), "removing a snapshot that was never finished");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
