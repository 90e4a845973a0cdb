//! The ends of runs, in the order in which they were kept.

use std::{fmt, str::FromStr};

use crate::{
    id::RunId,
    name::Kind,
    state::StateKind,
    store::{Damaged, StoreError},
    time::Timestamp,
};

/// How far somebody has read the ends of runs. Its text can be kept anywhere, for as long as it takes.
///
/// ```
/// use longhaul_core::store::EndedCursor;
///
/// let cursor = EndedCursor::START;
/// assert_eq!(cursor.to_string().parse(), Ok(cursor));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct EndedCursor {
    /// The transaction whose ends were read last. At most [`ENDS_PER_POSITION`] runs end at one position: a transaction that
    /// ends more has several.
    pub position: u64,
    /// The last of its runs that was read: those of one transaction are in the order of their ids.
    pub run: RunId,
    /// Its reader knows that ends up to this position were removed unread.
    pub known_removed: u64,
}

/// How many runs may end at one position. A store in a folder keeps the ends of a position in one value, whose size is
/// limited; copies keep positions as they are.
pub const ENDS_PER_POSITION: usize = 255;

impl EndedCursor {
    /// Before the first end that is there. It makes no claim to those that were removed before.
    pub const START: Self = Self { position: 0, run: RunId::from_bytes([0; 16]), known_removed: 0 };

    /// After all ends up to `position`.
    pub const fn after_all_of(position: u64) -> Self {
        Self { position, run: RunId::from_bytes([0xFF; 16]), known_removed: 0 }
    }

    /// Whether a store that has removed ends up to `removed` has overtaken it.
    pub fn is_overtaken(&self, removed: u64) -> bool {
        *self != Self::START && removed > self.position.max(self.known_removed)
    }
}

impl fmt::Display for EndedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.position, self.run, self.known_removed)
    }
}

/// A text is no cursor.
///
/// ```
/// use longhaul_core::store::EndedCursor;
///
/// let error = "yesterday".parse::<EndedCursor>().unwrap_err();
/// assert_eq!(error.to_string(), "`yesterday` is no position among ended runs: keep the text of the cursor as it is");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position among ended runs: keep the text of the cursor as it is")]
pub struct ParseCursorError(String);

impl FromStr for EndedCursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.split('.');
            let position = parts.next()?.parse().ok()?;
            let run = parts.next()?.parse().ok()?;
            let known_removed = parts.next()?.parse().ok()?;
            parts.next().is_none().then_some(Self { position, run, known_removed })
        };
        parse().ok_or_else(|| ParseCursorError(text.chars().take(64).collect()))
    }
}

/// Asks for the ends after a cursor.
///
/// ```
/// use longhaul_core::store::{EndedCursor, EndedRequest};
///
/// let request = EndedRequest { after: EndedCursor::START, limit: 100, wait: true };
/// assert!(request.limit <= longhaul_core::limits::PAGE_MAX);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct EndedRequest {
    /// How far was read.
    pub after: EndedCursor,
    /// At most so many; at least 1, at most [`PAGE_MAX`](crate::limits::PAGE_MAX).
    pub limit: usize,
    /// Whether to answer only when there is one.
    pub wait: bool,
}

/// A run that ended.
///
/// ```
/// use longhaul_core::{StateKind, Timestamp, doc, store::{EndedCursor, EndedRun}};
///
/// let kind = doc::run().kind;
/// let run = EndedRun { id: doc::run().id, kind, state: StateKind::Completed, at: doc::NOW, cursor: EndedCursor::START };
/// assert!(run.state.is_final());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct EndedRun {
    /// Which.
    pub id: RunId,
    /// Its kind.
    pub kind: Kind,
    /// Completed, Failed or Cancelled.
    pub state: StateKind,
    /// When it ended, by the clock of the store.
    pub at: Timestamp,
    /// Right after it.
    pub cursor: EndedCursor,
}

/// Ends of runs, in the order in which they were kept.
///
/// ```
/// use longhaul_core::store::{EndedCursor, EndedPage};
///
/// let start = EndedCursor::START;
/// let page = EndedPage { runs: vec![], damaged: vec![], next: start, opened: start, latest: start };
/// assert_eq!(page.next, page.latest); // nothing came since
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct EndedPage {
    /// The runs.
    pub runs: Vec<EndedRun>,
    /// Runs in between that cannot be read. They hold up nobody.
    pub damaged: Vec<Damaged>,
    /// After what this page shows.
    pub next: EndedCursor,
    /// Before all that has ended since this store was opened. Runs that the opening itself ended, because the process before
    /// had died with them, come after it.
    pub opened: EndedCursor,
    /// After all that has ended so far.
    pub latest: EndedCursor,
}

/// Why the ends after a cursor were not told.
///
/// ```
/// use longhaul_core::store::{EndedCursor, EndedError};
///
/// let error = EndedError::Overtaken { resume: EndedCursor::START };
/// assert!(error.to_string().contains("removed before they were read"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum EndedError {
    /// Runs that ended after the cursor were removed, by retention or by hand: their ends can be told no more.
    #[error(
        "runs that ended after this cursor were removed before they were read; go on from `resume`, which leaves \
         nothing out that is still there"
    )]
    Overtaken {
        /// The same place, for a reader who knows.
        resume: EndedCursor,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
