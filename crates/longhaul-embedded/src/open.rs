//! Opening a folder: what has to be seen to before sled may look at it, and after.

use std::{
    fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::Arc,
};

use crate::{
    EmbeddedStore,
    committer::Committer,
    error::{Fault, OpenError},
    health::Health,
    kv::{Guarded, Kv, KvError, SledKv},
    lock::{FolderLock, LockError},
    options::Options,
    queue::Queue,
    store::{StartError, panic_message},
    watchdog::Watchdog,
};

pub(crate) fn open(folder: &Path, options: Options, watchdog: Watchdog) -> Result<EmbeddedStore, OpenError> {
    if folder.exists() && !folder.is_dir() {
        return Err(OpenError::NotAFolder { folder: folder.into() });
    }
    let in_folder = |error: io::Error| explain(folder, error.into());
    fs::create_dir_all(folder).map_err(in_folder)?;
    let lock = FolderLock::take(folder).map_err(|error| match error {
        LockError::Locked(holder) => OpenError::Locked { folder: folder.into(), holder },
        LockError::Io(error) => in_folder(error),
    })?;
    remove_unfinished_snapshots(folder).map_err(in_folder)?;
    let kv = guarded(|| SledKv::open(folder, options.cache_capacity, lock)).map_err(|error| explain(folder, error))?;
    over(Box::new(kv), options, folder, watchdog)
}

/// A store over an engine.
pub(crate) fn over(
    kv: Box<dyn Kv>,
    options: Options,
    folder: &Path,
    watchdog: Watchdog,
) -> Result<EmbeddedStore, OpenError> {
    let Options { clock, durability, sets_aside, engine_timeout, open_timeout, .. } = options;
    let kv = Box::new(Guarded::new(kv, Arc::clone(&watchdog.pulse)));
    let told = Arc::clone(&clock);
    let load = |queue: Arc<Queue>, health: Arc<Health>| {
        let mut committer = Committer::new(kv, queue, clock, durability, health);
        committer.sets_aside = sets_aside;
        let found = guarded(|| {
            committer.recover().map_err(|fault| match fault {
                Fault::Engine(error) => error,
                Fault::Damage(damage) => KvError::Corrupt(damage.to_string()),
            })
        });
        let failed = match found.map_err(|error| explain(folder, error)) {
            Ok(None) => return Ok(committer),
            Ok(Some(found)) => {
                OpenError::NewerFormat { folder: folder.into(), found, known: crate::committer::FORMAT_VERSION }
            }
            Err(error) => error,
        };
        // Before the engine is dropped, which may not come back.
        watchdog.failed(&failed);
        Err(failed)
    };
    let (queue, health) = (Arc::new(Queue::new()), Arc::new(Health::new()));
    let committer = load(Arc::clone(&queue), Arc::clone(&health))?;
    let store = EmbeddedStore::start(committer, &*told, watchdog, engine_timeout);
    store.map_err(|error| match error {
        StartError::Stalled => OpenError::Stalled { folder: folder.into(), after: open_timeout },
        StartError::NoThread(error) => explain(folder, error.into()),
    })
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

/// sled panics on some damaged files; nobody who opens one should.
fn guarded<T>(open: impl FnOnce() -> Result<T, KvError>) -> Result<T, KvError> {
    catch_unwind(AssertUnwindSafe(open))
        .unwrap_or_else(|panic| Err(KvError::Corrupt(format!("reading it panicked: {}", panic_message(&*panic)))))
}

fn explain(folder: &Path, error: KvError) -> OpenError {
    let folder = folder.to_owned();
    match error {
        KvError::Full(reason) => OpenError::Full { folder, reason },
        KvError::Io(reason) => OpenError::Io { folder, reason },
        KvError::Corrupt(reason) => OpenError::Corrupt { folder, reason },
        KvError::Panicked(_) => OpenError::Corrupt { folder, reason: error.to_string() },
        // Whoever waited was told of the timeout already, and the opening ends with it.
        KvError::Hung(_) => OpenError::Io { folder, reason: error.to_string() },
    }
}
