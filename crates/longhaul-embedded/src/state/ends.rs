//! The positions of ends.

use longhaul_core::{Timestamp, store::EndedCursor};

/// How far the ends go. Each batch that makes runs final has a position.
pub(crate) struct Ends {
    /// Of the latest batch that made runs final. Microseconds since 1970, if the clock shows more than the last one.
    last: u64,
    /// The latest end that was removed; kept in the file.
    removed: u64,
    /// Before all that ends from the opening on.
    opened: EndedCursor,
    /// Something ended since [`take_news`](Self::take_news).
    news: bool,
}

impl Default for Ends {
    fn default() -> Self {
        Self::found(Timestamp::from_micros(0), 0, 0)
    }
}

impl Ends {
    /// What an opening finds: positions grow from here on.
    pub(super) fn found(now: Timestamp, last: u64, removed: u64) -> Self {
        let last = last.max(removed).max(now.as_micros().unsigned_abs());
        let opened = EndedCursor { known_removed: removed, ..EndedCursor::after_all_of(last) };
        Self { last, removed, opened, news: false }
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn opened(&self) -> EndedCursor {
        self.opened
    }

    pub(crate) fn removed(&self) -> u64 {
        self.removed
    }

    /// The position of a batch that makes runs final.
    pub(super) fn next(&mut self, now: Timestamp) -> u64 {
        self.last = (self.last + 1).max(now.as_micros().unsigned_abs());
        self.news = true;
        self.last
    }

    /// An end at this position is copied from another store: later ones come after it.
    pub(crate) fn reach(&mut self, position: u64) {
        self.last = self.last.max(position);
        self.news = true;
    }

    /// An end at this position is removed. Returns the position that has to be kept in the file, if it is a new one.
    pub(crate) fn remove(&mut self, position: u64) -> Option<u64> {
        (position > self.removed).then(|| {
            self.removed = position;
            position
        })
    }

    /// Whether something ended since this was asked last.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }
}
