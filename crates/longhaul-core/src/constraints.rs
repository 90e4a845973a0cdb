//! What else a run was enqueued with: what it shares a limit with, what it must not be there twice with, and where it
//! may be executed.

mod unique;

use std::time::Duration;

pub(crate) use self::unique::has_not_begun;
use crate::{
    family::{After, Batch, OnCancel, Parent},
    id::RunId,
    name::{Key, Label},
    order::Ordered,
    state::StateKind,
    time::Due,
};

/// What most runs have nothing of. A run without constraints costs nothing for them.
///
/// ```
/// use longhaul_core::{Key, Constraints};
///
/// assert!(Constraints::none().is_empty());
/// let of_a_tenant = Constraints { limit_key: Some(Key::new("tenant 7")?), ..Constraints::default() };
/// assert!(!of_a_tenant.is_empty());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Constraints {
    /// Runs of one kind and key share a limit: [`Limits::per_key`](crate::Limits::per_key).
    pub limit_key: Option<Key>,
    /// No second run of the same kind and key, for a while.
    pub unique: Option<Unique>,
    /// Only servers with all of these labels execute it.
    pub requires: Vec<Label>,
    /// The trace that the enqueuer was in, as W3C's `traceparent`.
    pub trace: Option<Box<str>>,
    /// If no attempt of it has begun by then, it ends as Cancelled, with the reason [`EXPIRED`]. A wait counts from when
    /// it was enqueued.
    pub expires: Option<Due>,
    /// It goes after the runs of the same order key that were enqueued before it.
    pub ordered: Option<Ordered>,
    /// Whose child it is.
    pub parent: Option<Parent>,
    /// It may begin only when other runs are final; until then it is suspended.
    pub after: Option<After>,
    /// What becomes of its children when it is cancelled.
    pub on_cancel: OnCancel,
    /// It is the callback of a batch; until that is done it is suspended.
    pub batch: Option<Batch>,
}

/// The reason with which a run is cancelled that had not begun when it expired; see [`Constraints::expires`].
pub const EXPIRED: &str = "expired";

/// What every run has that was enqueued without constraints.
static NONE: Constraints = Constraints {
    limit_key: None,
    unique: None,
    requires: Vec::new(),
    trace: None,
    expires: None,
    ordered: None,
    parent: None,
    after: None,
    on_cancel: OnCancel::Cancel,
    batch: None,
};

impl Constraints {
    /// Nothing.
    pub fn none() -> &'static Self {
        &NONE
    }

    /// Whether there is nothing in them.
    pub fn is_empty(&self) -> bool {
        *self == NONE
    }
}

/// Keeps a second run of the same kind and key from being enqueued.
///
/// ```
/// use longhaul_core::{Key, OnConflict, Unique, UniqueScope};
///
/// let unique = Unique { key: Key::new("account 7")?, scope: UniqueScope::NotFinal, on_conflict: OnConflict::Refuse };
/// assert_eq!(unique.key.as_str(), "account 7");
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Unique {
    /// What must not be there twice, within the kind.
    pub key: Key,
    /// For how long the run that is there keeps others out.
    pub scope: UniqueScope,
    /// What becomes of the second.
    pub on_conflict: OnConflict,
}

/// For how long a run keeps others of its kind and key out.
///
/// ```
/// use longhaul_core::{Key, OnConflict, State, Unique, UniqueScope, doc};
///
/// let unique = |scope| Unique { key: Key::new("k").expect("a key"), scope, on_conflict: OnConflict::Refuse };
/// let (waits, runs) = (doc::run(), doc::running());
/// assert!(unique(UniqueScope::Waiting).holds(doc::NOW, &waits));
/// assert!(!unique(UniqueScope::Waiting).holds(doc::NOW, &runs));
/// assert!(unique(UniqueScope::NotFinal).holds(doc::NOW, &runs));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum UniqueScope {
    /// Until its first attempt begins: whatever is enqueued from then on may concern what it did not see. One that is
    /// suspended before that has it still.
    Waiting,
    /// Until it is final.
    NotFinal,
    /// So long after it was enqueued, also when it is final by then, and when its retention has removed it; but not after
    /// a client deleted it. Counted by the store's clock: if that goes back, a key that was free may be taken again or
    /// not.
    For(Duration),
}

/// What becomes of a run whose kind and key are taken: see [`resolve_conflict`](crate::stored::resolve_conflict).
///
/// ```
/// use longhaul_core::OnConflict;
///
/// assert_ne!(OnConflict::Replace { reschedule: false }, OnConflict::Replace { reschedule: true }); // a debounce
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum OnConflict {
    /// It is not kept; the answer names the run that is there.
    Return,
    /// The run that is there takes over its metadata, execution metadata and priority, if its first attempt has not
    /// begun; otherwise the new one is refused.
    Replace {
        /// And its time: the run that is there then waits anew (a debounce).
        reschedule: bool,
    },
    /// It is refused: [`InsertError::Taken`](crate::store::InsertError::Taken).
    Refuse,
}

/// What an insert came to.
///
/// ```
/// use longhaul_core::{Inserted, StateKind, doc};
///
/// let there = Inserted::Existing { id: doc::run().id, state: StateKind::Running };
/// assert_ne!(there, Inserted::New);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Inserted {
    /// The run is kept.
    New,
    /// It is not: this run has its key.
    Existing {
        /// Which.
        id: RunId,
        /// The state that it is in.
        state: StateKind,
    },
    /// It is not: this run has its key, waits, and took over what the new one brought.
    Replaced {
        /// Which.
        id: RunId,
    },
}
