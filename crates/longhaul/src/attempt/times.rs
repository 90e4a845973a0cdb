//! When an attempt started and how long it took.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use longhaul_core::Timestamp;

/// When an attempt started and how long it took, if hooks or metrics ask for it.
#[derive(Default)]
pub(crate) struct AttemptTimes {
    started: OnceLock<Timestamp>,
    took: OnceLock<Duration>,
    /// Its end, or its loss, was reported.
    reported: AtomicBool,
}

impl AttemptTimes {
    pub(crate) fn start(&self, now: Timestamp) {
        let _ = self.started.set(now);
    }

    /// The user's code is done. Answers whether this is the first call of an attempt that was started.
    pub(crate) fn end(&self, now: Timestamp) -> bool {
        self.started.get().is_some_and(|started| self.took.set(now.since(*started)).is_ok())
    }

    /// How long it took. Answers once, so that each end is reported once.
    pub(crate) fn take(&self) -> Option<Duration> {
        let started = self.started.get().is_some();
        (started && !self.reported.swap(true, Ordering::AcqRel)).then(|| self.took.get().copied().unwrap_or_default())
    }
}
