//! What is read: runs, their logs, how many there are, and why they wait.

mod ended;
mod ends;
mod header;

use std::{cmp::Ordering, fmt};

pub use self::{
    ended::{ENDS_PER_POSITION, EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun, ParseCursorError},
    ends::Ends,
    header::{HeaderPage, RunHeader},
};

use crate::{
    counts::Statistics,
    explain::Explanation,
    family::ChildCounts,
    id::RunId,
    limits::PAGE_MAX,
    log::{Log, LogRequest},
    name::{Key, Kind, Queue},
    run::Snapshot,
    store::{Filter, KindDescription, StoreError},
    time::Timestamp,
};

port! {
    ($) forward_inspect;

    /// What is read. Nothing of it changes a run, but that a suspension whose deadline has passed is over before anybody
    /// looks.
    pub trait Inspect {
        /// The run as it is now. A suspension whose deadline has passed is over: the run is Failed, though nobody executes
        /// its kind.
        Get: async fn get(&self, id: RunId) -> Result<Snapshot, GetError>;

        /// The run as soon as its revision is above `seen`; at once if it is. The revision grows with every change, so no
        /// change is missed, though several may be seen as one.
        Changed: async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError>;

        /// How many children a run has, and how far they are. Kept with each change, so it may be asked every second. A run
        /// that has no children, or is not there, has none.
        ChildCounts: async fn child_counts(&self, parent: RunId) -> Result<ChildCounts, StoreError>;

        /// The run that has this unique key now, of this kind: the one that a second run would meet.
        FindByKey: async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError>;

        /// Why the run is not running now.
        Explain: async fn explain(&self, id: RunId) -> Result<Explanation, GetError>;

        /// What an attempt of the run said, as [`gather`](crate::log::gather) makes it of the pages that are kept.
        ReadLog: async fn read_log(&self, request: LogRequest) -> Result<Log, GetError>;

        /// Runs that match, in the order of their ids (by time of enqueueing, the oldest or the newest first), page by page. A page may hold fewer runs than
        /// asked for, even none, and yet name a next one: a store reads only so much at a time. Runs that cannot be read are
        /// named apart: one of them must not hide the others.
        List: async fn list(&self, request: PageRequest) -> Result<Page, StoreError>;

        /// Runs that ended after a position, whatever ended them, in the order in which their ends became durable; those of
        /// one transaction in the order of their ids. With `request.wait` it answers only when there is one.
        ///
        /// **No end is skipped.** A position is shown only when no end can be kept at a smaller one any more: a store whose
        /// transactions become visible in another order than that of their positions holds the later ones back until the
        /// earlier ones are decided. So a reader who kept the cursor of the last run that it has dealt with misses none, and
        /// sees none twice. An end whose run was removed can be told no more: a cursor before it is
        /// [`EndedError::Overtaken`], and the cursor in that error goes on with what is left.
        ///
        /// Runs that were imported, or ended before the store kept positions, are not among them.
        Ended: async fn ended(&self, request: EndedRequest) -> Result<EndedPage, EndedError>;

        /// The same without values, and so without the weight of values: what a table of runs shows.
        ListHeaders: async fn list_headers(&self, request: PageRequest) -> Result<HeaderPage, StoreError>;

        /// The runs with these ids, at most [`PAGE_MAX`](crate::limits::PAGE_MAX), without their values and in this order. Those
        /// that are not there, or cannot be read, are left out. Each costs what reading one run by its id costs, however many
        /// there are in the store.
        Headers: async fn headers(&self, ids: Vec<RunId>) -> Result<Vec<RunHeader>, StoreError>;

        /// How many runs match. Those that cannot be read are not counted, unless the filter asks for nothing but states,
        /// kinds and queues: then the answer comes from [`statistics`](Inspect::statistics), and no run is read.
        Count: async fn count(&self, filter: Filter) -> Result<u64, StoreError>;

        /// How many runs there are, by state, kind and queue, and what happened in each minute of the last day. Kept with
        /// each change, and not scanned: it may be asked every second.
        ///
        /// The counts are exact, where one server has the store. Where several write to one database, they may be as old
        /// as the last sweep that merged what the servers have counted apart, a minute at most; what this server did
        /// itself is in them. The minutes are for people: what was counted since it was last saved, a few seconds at
        /// most, is lost if a process dies.
        Statistics: async fn statistics(&self) -> Result<Statistics, StoreError>;

        /// What is known of each kind without its code, by name: what the servers that executed it [said](super::ServerStore::describe_kinds)
        /// of it. A kind that no server has registered yet is not among them, even if there are runs of it.
        Kinds: async fn kinds(&self) -> Result<Vec<KindDescription>, StoreError>;

        /// How many runs wait though they are due, by queue, in the order of their names; a queue that is not there has none.
        /// What holds them back (a pause, a limit, no server with their kind) makes no difference.
        ///
        /// It is answered from what is at hand, and may be asked every few seconds: a store with a million due runs reads
        /// none of them for it.
        Queues: async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError>;
    }
}

/// Why a run could not be read.
///
/// ```
/// use longhaul_core::{RunId, store::GetError};
///
/// let error = GetError::NotFound(RunId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("its retention has passed"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum GetError {
    /// There is no such run: it never was, was deleted, or its retention has passed.
    #[error("there is no {0}: it never was, was deleted, or its retention has passed")]
    NotFound(RunId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// In which order runs are listed.
///
/// ```
/// use longhaul_core::{RunId, store::ListOrder};
/// use std::cmp::Ordering;
///
/// let (old, new) = (RunId::from_bytes([1; 16]), RunId::from_bytes([2; 16]));
/// assert_eq!(ListOrder::OldestFirst.compare(old, new), Ordering::Less);
/// assert_eq!(ListOrder::NewestFirst.compare(old, new), Ordering::Greater);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum ListOrder {
    /// By their ids, which begin with the time: those that were enqueued first come first.
    #[default]
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

impl ListOrder {
    /// Which of two runs comes first.
    pub fn compare(self, left: RunId, right: RunId) -> Ordering {
        match self {
            Self::OldestFirst => left.cmp(&right),
            Self::NewestFirst => right.cmp(&left),
        }
    }
}

/// A page of runs.
///
/// ```
/// use longhaul_core::store::PageRequest;
///
/// let first = PageRequest { limit: 100, ..PageRequest::default() };
/// assert_eq!(first.after, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct PageRequest {
    /// Which runs.
    pub filter: Filter,
    /// In which order.
    pub order: ListOrder,
    /// Those that come after this one in that order; `None`: from the first.
    pub after: Option<RunId>,
    /// At most so many; at most [`PAGE_MAX`](crate::limits::PAGE_MAX).
    pub limit: usize,
}

impl PageRequest {
    /// For stores, before they look for runs: the limits hold.
    ///
    /// # Panics
    /// If it asks for no run, or for more than [`PAGE_MAX`]. The caller checks that.
    pub fn assert_limits(&self) {
        assert!((1..=PAGE_MAX).contains(&self.limit), "a page has 1 to {PAGE_MAX} runs, not {}", self.limit);
    }
}

/// Some of the runs that match.
///
/// ```
/// use longhaul_core::store::Page;
///
/// assert_eq!(Page::default().next, None); // there is no other
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Page {
    /// In the order that was asked for.
    pub runs: Vec<Snapshot>,
    /// Runs in the reach of this page that cannot be read, so that nobody knows whether they match.
    pub damaged: Vec<Damaged>,
    /// What to hand in as `after` for the next page; `None`: there is none.
    pub next: Option<RunId>,
}

/// A run whose record or values are not what was written. It holds up nobody else, and can be deleted.
///
/// ```
/// use longhaul_core::{doc, store::Damaged};
///
/// let damaged = Damaged { id: doc::run().id, why: "its checksum is another one".into() };
/// assert!(damaged.to_string().ends_with("is damaged: its checksum is another one"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Damaged {
    /// Which.
    pub id: RunId,
    /// What is wrong with it.
    pub why: Box<str>,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged: {}", self.id, self.why)
    }
}

/// How many runs of a queue are due.
///
/// ```
/// use longhaul_core::{Queue, doc, store::QueueDepth};
/// use std::time::Duration;
///
/// let depth = QueueDepth { queue: Queue::default(), due: 2, oldest: doc::NOW };
/// assert_eq!(doc::NOW.after(Duration::from_secs(7)).since(depth.oldest), Duration::from_secs(7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct QueueDepth {
    /// The queue.
    pub queue: Queue,
    /// So many wait to be claimed, and might be by the time; at least 1.
    pub due: u64,
    /// Since when the one is due that has waited longest.
    pub oldest: Timestamp,
}
