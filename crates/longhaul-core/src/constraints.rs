//! What else a run was enqueued with: what it shares a limit with, what it must not be there twice with, and where it
//! may be executed.

use std::time::Duration;

use crate::{
    event::Event,
    id::RunId,
    name::{Key, Label},
    run::{NewRun, Run},
    state::{State, StateKind},
    time::Timestamp,
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
}

/// What every run has that was enqueued without constraints.
static NONE: Constraints = Constraints { limit_key: None, unique: None, requires: Vec::new(), trace: None };

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

/// What becomes of a run whose kind and key are taken.
///
/// ```
/// use longhaul_core::{OnConflict, doc, constraints::{Conflict, conflict}};
///
/// let replace = OnConflict::Replace { reschedule: false };
/// assert_eq!(conflict(replace, &doc::run()), Conflict::Replace);
/// assert_eq!(conflict(replace, &doc::running()), Conflict::Refuse); // it has begun
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

impl Unique {
    /// Whether `run`, which was enqueued with this, keeps others out at `now`.
    pub fn holds(&self, now: Timestamp, run: &Run) -> bool {
        match self.scope {
            UniqueScope::Waiting => has_not_begun(run),
            UniqueScope::NotFinal => !run.state.is_final(),
            UniqueScope::For(_) => self.until(run).is_some_and(|until| now < until),
        }
    }

    /// Until when the key is taken whatever becomes of `run`, which was enqueued with this, unless a client deletes it;
    /// `None`: that depends on the run.
    ///
    /// ```
    /// use longhaul_core::{Key, OnConflict, Unique, UniqueScope, doc};
    /// use std::time::Duration;
    ///
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let unique = |scope| Unique { key: Key::new("k").expect("a key"), scope, on_conflict: OnConflict::Refuse };
    /// assert_eq!(unique(UniqueScope::For(day)).until(&doc::run()), Some(doc::NOW.after(day)));
    /// assert_eq!(unique(UniqueScope::NotFinal).until(&doc::run()), None);
    /// ```
    pub fn until(&self, run: &Run) -> Option<Timestamp> {
        match self.scope {
            // The key goes on to the run that it was retried as.
            UniqueScope::For(period) => run.lineage.successor.is_none().then(|| run.created.after(period)),
            UniqueScope::Waiting | UniqueScope::NotFinal => None,
        }
    }
}

/// What an insert comes to where a run keeps others out.
///
/// ```
/// use longhaul_core::{OnConflict, doc, constraints::{Conflict, conflict}};
///
/// assert_eq!(conflict(OnConflict::Return, &doc::run()), Conflict::Return);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Conflict {
    /// The answer names the run that is there.
    Return,
    /// The run that is there takes over what the new one brings.
    Replace,
    /// The new one is refused.
    Refuse,
}

/// What is to be done with a new run, where `there` keeps its kind and key.
///
/// ```
/// use longhaul_core::{OnConflict, doc, constraints::{Conflict, conflict}};
///
/// assert_eq!(conflict(OnConflict::Refuse, &doc::running()), Conflict::Refuse);
/// ```
pub fn conflict(on_conflict: OnConflict, there: &Run) -> Conflict {
    match on_conflict {
        OnConflict::Return => Conflict::Return,
        OnConflict::Replace { .. } if has_not_begun(there) => Conflict::Replace,
        OnConflict::Replace { .. } | OnConflict::Refuse => Conflict::Refuse,
    }
}

/// The same, where the run that had the key [for a period](UniqueScope::For) is gone, since its retention removed it.
///
/// ```
/// use longhaul_core::{OnConflict, constraints::{Conflict, conflict_with_removed}};
///
/// assert_eq!(conflict_with_removed(OnConflict::Replace { reschedule: true }), Conflict::Refuse);
/// ```
pub fn conflict_with_removed(on_conflict: OnConflict) -> Conflict {
    match on_conflict {
        OnConflict::Return => Conflict::Return,
        OnConflict::Replace { .. } | OnConflict::Refuse => Conflict::Refuse,
    }
}

/// What happens to the run that is there, when it takes over what `new` brings.
///
/// ```
/// use longhaul_core::{Event, doc, constraints::replacement};
///
/// assert!(matches!(replacement(doc::NOW, &doc::new_run()), Event::Replace { due: None, .. }));
/// ```
pub fn replacement(now: Timestamp, new: &NewRun) -> Event {
    let on_conflict = new.constraints().unique.as_ref().map(|unique| unique.on_conflict);
    let reschedule = matches!(on_conflict, Some(OnConflict::Replace { reschedule: true }));
    Event::Replace { version: new.version, priority: new.priority, due: reschedule.then(|| new.due(now)) }
}

/// Whether no attempt of it began: it waits, or was put aside while it waited.
pub(crate) fn has_not_begun(run: &Run) -> bool {
    run.epoch.0 == 0 && matches!(run.state, State::Pending { .. } | State::Suspended { .. })
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
