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

    /// Reads from an engine. After a panic in it nobody touches it again: its threads may be in any state, and to drop it
    /// may take for ever.
    pub(super) fn reading<T>(
        self,
        kv: Box<dyn Kv>,
        read: impl FnOnce(&dyn Kv) -> Result<T, Refusal>,
    ) -> Result<(Box<dyn Kv>, T), Refusal> {
        match catch_unwind(AssertUnwindSafe(|| read(&*kv))) {
            Ok(Ok(found)) => Ok((kv, found)),
            Ok(Err(refusal)) => {
                // Why it is refused is known, and says more than what comes of its end, if it comes to one.
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

    /// It gets on.
    pub(super) fn beat(self) {
        self.watchdog.pulse.beat();
    }
}
