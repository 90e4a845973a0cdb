//! How fast files are read: as fast as they can, or slower, so that there is time to break the work off.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::Instant;

/// Files in one segment at most: what is read again after a crash.
const BATCH_FILES: u32 = 500;

/// How fast files may be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// No limit when `None`.
    pub files_per_second: Option<NonZeroU32>,
}

impl Pace {
    /// No more than a second's worth, so that a slow pace has its checkpoint every second, too.
    pub(super) fn batch_files(self) -> u32 {
        self.files_per_second.map_or(BATCH_FILES, |rate| rate.get().min(BATCH_FILES))
    }

    /// Starts to measure.
    pub(super) fn start(self) -> Lap {
        Lap { pace: self, begun: Instant::now() }
    }
}

/// Some files, being read.
pub(super) struct Lap {
    pace: Pace,
    begun: Instant,
}

impl Lap {
    /// Waits until so many files would have taken this long. Cancel safe.
    #[expect(clippy::disallowed_methods, reason = "people asked for files per second of their own clock")]
    pub(super) async fn stretch(self, files: u32) {
        if let Some(rate) = self.pace.files_per_second {
            tokio::time::sleep_until(self.begun + Duration::from_secs(1) * files / rate.get()).await;
        }
    }
}
