//! The positions of ends, and what a reader of ends is told.

use super::{Damaged, EndedCursor, EndedError, EndedPage, EndedRun};
use crate::{id::RunId, name::Kind, state::StateKind, time::Timestamp};

/// How far the ends of a store go. What ends together has one position; positions grow, and are microseconds since 1970
/// where the clock shows more than the last one.
///
/// ```
/// use longhaul_core::{doc, store::{EndedCursor, Ends}};
///
/// let mut ends = Ends::default();
/// let first = ends.next(doc::NOW);
/// assert!(ends.next(doc::NOW) > first);
/// ends.remove(first);
/// let before = EndedCursor { position: first - 1, ..EndedCursor::after_all_of(0) };
/// assert!(ends.page(before).is_err()); // what it has not read is gone
/// assert!(ends.page(EndedCursor::START).is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    last: u64,
    removed: u64,
    opened: EndedCursor,
    news: bool,
}

impl Default for Ends {
    fn default() -> Self {
        Self::of(0, 0, EndedCursor::START)
    }
}

impl Ends {
    /// `last` is the latest position of an end, `removed` that of an end that was removed. `opened`: before all that ended
    /// since the store was opened.
    pub const fn of(last: u64, removed: u64, opened: EndedCursor) -> Self {
        Self { last, removed, opened, news: false }
    }

    /// The same for a store that is opened now, and has ended nothing yet.
    pub fn found(now: Timestamp, last: u64, removed: u64) -> Self {
        let last = last.max(removed).max(now.as_micros().unsigned_abs());
        Self::of(last, removed, EndedCursor { known_removed: removed, ..EndedCursor::after_all_of(last) })
    }

    /// The latest position.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// The latest position of an end that was removed.
    pub const fn removed(&self) -> u64 {
        self.removed
    }

    /// The position of what ends now.
    pub fn next(&mut self, now: Timestamp) -> u64 {
        self.reach((self.last + 1).max(now.as_micros().unsigned_abs()));
        self.last
    }

    /// An end at this position is copied from another store: what ends from now on comes after it.
    pub fn reach(&mut self, position: u64) {
        self.last = self.last.max(position);
        self.news = true;
    }

    /// An end at this position is removed. Answers whether it is the latest such position, which has to be kept.
    pub fn remove(&mut self, position: u64) -> bool {
        let is_new = position > self.removed;
        self.removed = self.removed.max(position);
        is_new
    }

    /// Whether something ended since this was asked last.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// What somebody is told who has read up to `after`: a page that shows nothing yet. Ends are pushed to it in the
    /// order of their positions, and of the ids of their runs.
    ///
    /// # Errors
    /// Ends that were not read were removed.
    pub fn page(&self, after: EndedCursor) -> Result<EndedPage, EndedError> {
        if after.is_overtaken(self.removed) {
            return Err(EndedError::Overtaken { resume: EndedCursor { known_removed: self.removed, ..after } });
        }
        let known_removed = after.known_removed.max(self.removed);
        let latest = EndedCursor { known_removed, ..EndedCursor::after_all_of(self.last) };
        let (next, opened) = (latest.max(after), self.opened);
        Ok(EndedPage { runs: Vec::new(), damaged: Vec::new(), next, opened, latest })
    }
}

impl EndedPage {
    /// Shows a run that ended at this position.
    pub fn push(&mut self, position: u64, (id, kind): (RunId, Kind), (state, at): (StateKind, Timestamp)) {
        let cursor = self.read_to(position, id);
        self.runs.push(EndedRun { id, kind, state, at, cursor });
    }

    /// Shows a run that ended at this position, and cannot be read.
    pub fn push_damaged(&mut self, position: u64, id: RunId, why: &str) {
        self.read_to(position, id);
        self.damaged.push(Damaged { id, why: why.into() });
    }

    fn read_to(&mut self, position: u64, run: RunId) -> EndedCursor {
        self.next = EndedCursor { position, run, known_removed: self.latest.known_removed };
        self.next
    }
}
