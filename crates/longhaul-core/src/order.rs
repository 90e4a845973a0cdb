//! Runs that go one after the other: those of one order key, first in, first out.
//!
//! Of each key at most one run has the turn. The others are behind it: they are not due, whatever their time, so that
//! no claim looks at them. A store that ends or removes the run that has the turn gives it to the first of those that
//! wait, in the same transaction ([`Event::TakeTurn`](crate::Event::TakeTurn)).

mod of_run;

use crate::{id::RunId, name::Key, state::StateKind, time::Timestamp};

/// That a run goes after those of the same key that were enqueued before it, whatever their kinds and queues.
///
/// ```
/// use longhaul_core::{Key, order::{AfterFailure, Ordered}};
///
/// let ordered = Ordered { key: Key::new("account 7")?, after_failure: AfterFailure::Stop };
/// assert_eq!(ordered.key.as_str(), "account 7");
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Ordered {
    /// What they have in common.
    pub key: Key,
    /// What becomes of the runs behind it when it fails for good.
    pub after_failure: AfterFailure,
}

/// What becomes of the runs behind one that failed for good.
///
/// ```
/// use longhaul_core::order::AfterFailure;
///
/// assert_eq!(AfterFailure::default(), AfterFailure::Stop);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum AfterFailure {
    /// They wait until the failed run is retried, dismissed or deleted.
    #[default]
    Stop,
    /// The next one goes on.
    Skip,
}

/// The place of a run among those of its order key.
///
/// ```
/// use longhaul_core::{Timestamp, order::OrderTurn};
///
/// let first = OrderTurn::new(Timestamp::from_micros(7), None, false);
/// assert_eq!(first, OrderTurn { position: 7, behind: false, dismissed: false });
/// // Whoever comes at the same time, or after the clock went back, comes later all the same.
/// let second = OrderTurn::new(Timestamp::from_micros(6), Some(first.position), true);
/// assert_eq!(second, OrderTurn { position: 8, behind: true, dismissed: false });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct OrderTurn {
    /// The lowest goes first. A retry by hand has that of the run that it is a retry of.
    pub position: u64,
    /// Another run of the key has the turn.
    pub behind: bool,
    /// It failed, and a client let those behind it go on.
    pub dismissed: bool,
}

impl OrderTurn {
    /// The place of a run that is enqueued at `now`. `last`: the highest position among those of its key that have the
    /// turn or wait for it; `behind`: whether there is such a run.
    pub fn new(now: Timestamp, last: Option<u64>, behind: bool) -> Self {
        let position = now.as_micros().unsigned_abs();
        Self { position: last.map_or(position, |last| position.max(last + 1)), behind, dismissed: false }
    }
}

/// The run that others of its order key wait for.
///
/// ```
/// use longhaul_core::{RunId, StateKind, order::TurnHolder};
///
/// let holder = TurnHolder { run: RunId::from_bytes([7; 16]), state: StateKind::Retrying };
/// assert!(!holder.state.is_final());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct TurnHolder {
    /// Which run.
    pub run: RunId,
    /// Its state; Failed: it holds the others up until somebody decides.
    pub state: StateKind,
}
