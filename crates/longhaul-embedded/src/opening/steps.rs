//! What all steps of an opening have in common.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use super::refusal::{Refusal, guarded, panicked};
use crate::{
    engine::{
        kv::{Kv, KvError, SledKv},
        lock::FolderLock,
        watchdog::Watchdog,
    },
    options::Options,
};

/// What all steps of an opening need.
#[derive(Clone, Copy)]
pub(super) struct Opening<'a> {
    pub(super) folder: &'a Path,
    pub(super) options: &'a Options,
    pub(super) watchdog: &'a Watchdog,
}

impl Opening<'_> {
    /// sled, opened in a folder: the only place where that is done.
    pub(super) fn engine(self, folder: &Path, lock: Option<FolderLock>) -> Result<SledKv, KvError> {
        guarded(|| SledKv::open(folder, self.options.cache_capacity, lock))
    }

    /// Reads from an engine. After a panic it is not touched again: its threads may be in any state, and dropping it may
    /// never come back.
    pub(super) fn reading<T>(
        self,
        kv: Box<dyn Kv>,
        read: impl FnOnce(&dyn Kv) -> Result<T, Refusal>,
    ) -> Result<(Box<dyn Kv>, T), Refusal> {
        match catch_unwind(AssertUnwindSafe(|| read(&*kv))) {
            Ok(Ok(found)) => Ok((kv, found)),
            Ok(Err(refusal)) => {
                // The reason is known, and says more than an error from closing the engine would.
                self.watchdog.failed(&refusal.clone().explain(self.folder));
                _ = guarded(|| {
                    drop(kv);
                    Ok(())
                });
                Err(refusal)
            }
            Err(panic) => {
                std::mem::forget(kv);
                Err(panicked(&*panic).into())
            }
        }
    }

    /// There is progress.
    pub(super) fn beat(self) {
        self.watchdog.pulse.beat();
    }
}
