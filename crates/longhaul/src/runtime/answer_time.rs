//! How long the store takes to answer.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How long the store took to keep the last batch of endings. A claim tells nothing of that: it waits for runs.
#[derive(Default)]
pub(super) struct AnswerTime(AtomicU64);

impl AnswerTime {
    pub(super) fn note(&self, took: Duration) {
        self.0.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn last(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}
