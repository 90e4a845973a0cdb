//! The progress that an attempt publishes.

use std::sync::{Mutex, MutexGuard};

use longhaul_core::{Progress, Timestamp, progress::Pace};

pub(crate) struct PublishedProgress(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    progress: Progress,
    pace: Pace,
    /// This attempt has reported something.
    ever: bool,
    unpublished: bool,
}

impl PublishedProgress {
    /// As attempts before it left it.
    pub(super) fn resuming(progress: Progress) -> Self {
        let pace = Pace::resuming(progress.rate);
        Self(Mutex::new(Inner { progress, pace, ..Inner::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("nothing panics while it is held")
    }

    /// `counts`: the change says how much is done, so the rate is measured at `now`.
    pub(super) fn change(&self, counts: Option<Timestamp>, change: impl FnOnce(&mut Progress)) {
        let mut inner = self.lock();
        let step = inner.progress.step.clone();
        change(&mut inner.progress);
        let mut progress = std::mem::take(&mut inner.progress).clamped();
        if progress.step != step {
            inner.pace.reset();
            progress.rate = None;
        }
        if let Some(now) = counts {
            progress.rate = inner.pace.told(now, progress.done);
        }
        inner.progress = progress;
        inner.ever = true;
        inner.unpublished = true;
    }

    pub(super) fn get(&self) -> Progress {
        self.lock().progress.clone()
    }

    /// What this attempt reported last, if it reported anything.
    pub(super) fn reported(&self) -> Option<Progress> {
        let inner = self.lock();
        inner.ever.then(|| inner.progress.clone())
    }

    /// What was not published yet.
    pub(super) fn take(&self) -> Option<Progress> {
        let mut inner = self.lock();
        std::mem::take(&mut inner.unpublished).then(|| inner.progress.clone())
    }

    /// What was taken was not published.
    pub(super) fn put_back(&self) {
        let mut inner = self.lock();
        inner.unpublished = inner.ever;
    }
}
