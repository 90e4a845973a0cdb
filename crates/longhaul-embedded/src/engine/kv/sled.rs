//! sled 0.34 on the seam.

use std::{
    fs::File,
    mem,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use fs2::FileExt;

use super::{Each, Key, Kv, KvError, Value, Writes};
use crate::engine::lock::FolderLock;

pub(crate) struct SledKv {
    /// `None` only while this is dropped.
    db: Option<sled::Db>,
    /// Our own descriptor of sled's log: its `flush` is `sync_file_range` on Linux, which a power cut undoes;
    /// `fdatasync` works on the file, whichever descriptor it comes through.
    log: File,
    /// Last, so that the folder is free only when sled has let go of it.
    lock: Option<FolderLock>,
}

impl SledKv {
    /// Opens sled in `folder`, whose lock the caller holds, and makes the names of its files durable. `lock`: none for a
    /// copy, which nobody else knows of.
    pub(crate) fn open(folder: &Path, cache_capacity: u64, lock: Option<FolderLock>) -> Result<Self, KvError> {
        // flush_every_ms stays at its 500: sled collects garbage only on that thread.
        let db = sled::Config::default().path(folder).cache_capacity(cache_capacity).open()?;
        let log = File::open(folder.join("db"))?;
        log.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(Self { db: Some(db), log, lock })
    }

    fn db(&self) -> &sled::Db {
        self.db.as_ref().expect("nobody calls what is being dropped")
    }
}

impl Drop for SledKv {
    /// sled's I/O threads may hold its file, and the lock on it, for a moment longer than its last handle lives: who
    /// opens the folder next would be refused.
    fn drop(&mut self) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(self.db.take()))) {
            // Its threads may still be at work, so nobody else may come in while this process lives.
            mem::forget(self.lock.take());
            resume_unwind(panic);
        }
        if let Err(error) = FileExt::lock_exclusive(&self.log) {
            tracing::warn!(%error, "could not wait until sled let go of its file");
        }
    }
}

impl Kv for SledKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.db().get(key)?.map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8], from: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        let from = from.max(prefix);
        for entry in self.db().range(from..) {
            let (key, value) = entry?;
            if !key.starts_with(prefix) || each(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn scan_back(&self, prefix: &[u8], before: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        for entry in self.db().range(prefix..before).rev() {
            let (key, value) = entry?;
            if !key.starts_with(prefix) || each(&key, &value).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, writes: Writes) -> Result<(), KvError> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes.into_entries() {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        Ok(self.db().apply_batch(batch)?)
    }

    fn apply_in_turn(&mut self, writes: Vec<(Key, Value)>) -> Result<(), KvError> {
        for (key, value) in writes {
            match value {
                Some(value) => self.db().insert(key, value)?,
                None => self.db().remove(key)?,
            };
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), KvError> {
        self.db().flush()?;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), KvError> {
        Ok(self.log.sync_data()?)
    }
}

impl From<sled::Error> for KvError {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => error.into(),
            sled::Error::Corruption { at, .. } => Self::Corrupt(match at {
                Some(at) => format!("sled found what it did not write at {at:?}"),
                None => "sled found what it did not write".into(),
            }),
            sled::Error::ReportableBug(text) | sled::Error::Unsupported(text) => Self::of_words(text),
            other @ sled::Error::CollectionNotFound(_) => Self::Corrupt(other.to_string()),
        }
    }
}
