//! Runs that go one after the other: those of one order key, first in, first out.
//!
//! Of each key at most one run has the turn. The others are behind it: they are not due, whatever their time, so that
//! no claim looks at them. A store that ends or removes the run that has the turn gives it to the first of those that
//! wait, in the same transaction ([`Event::TakeTurn`](crate::Event::TakeTurn)).

use crate::{id::RunId, lineage::Lineage, name::Key, run::Run, state::StateKind, time::Timestamp};

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
/// use longhaul_core::{Timestamp, order::Turn};
///
/// let first = Turn::new(Timestamp::from_micros(7), None, false);
/// assert_eq!(first, Turn { position: 7, behind: false, dismissed: false });
/// // Whoever comes at the same time, or after the clock went back, comes later all the same.
/// let second = Turn::new(Timestamp::from_micros(6), Some(first.position), true);
/// assert_eq!(second, Turn { position: 8, behind: true, dismissed: false });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Turn {
    /// The lowest goes first. A retry by hand has that of the run that it is a retry of.
    pub position: u64,
    /// Another run of the key has the turn.
    pub behind: bool,
    /// It failed, and a client let those behind it go on.
    pub dismissed: bool,
}

impl Turn {
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

impl Run {
    /// The key whose order it keeps.
    pub fn order_key(&self) -> Option<&Key> {
        self.constraints().ordered.as_ref().map(|ordered| &ordered.key)
    }

    /// From when on it may be claimed; `None`: not by the passing of time. A run that is behind another one of its order
    /// key has no such time.
    ///
    /// ```
    /// use longhaul_core::{Run, doc, order::Turn};
    ///
    /// let behind = Turn { position: 7, behind: true, dismissed: false };
    /// assert_eq!(Run { turn: Some(behind), ..doc::run() }.due(), None);
    /// assert_eq!(doc::run().due(), doc::run().state.due());
    /// ```
    pub fn due(&self) -> Option<Timestamp> {
        if self.is_behind() { None } else { self.state.due() }
    }

    /// Whether another run of its order key has the turn, and it waits for that one's end.
    pub fn is_behind(&self) -> bool {
        self.turn.is_some_and(|turn| turn.behind) && !self.state.is_final()
    }

    /// Whether the others of its order key wait for it: it is the first of those that are not final, or it has
    /// [stopped](AfterFailure::Stop) its key.
    pub fn has_turn(&self) -> bool {
        match self.turn {
            Some(turn) if self.state.is_final() => !turn.behind && self.stops_key(),
            Some(turn) => !turn.behind,
            None => false,
        }
    }

    /// Another run of its order key has the turn: it waits, or, if it is final, stops the key no more.
    ///
    /// ```
    /// use longhaul_core::{Run, doc, order::Turn};
    ///
    /// let mut run = Run { turn: Some(Turn { position: 7, behind: false, dismissed: false }), ..doc::run() };
    /// run.yield_turn();
    /// assert!(run.is_behind() && !run.has_turn());
    /// ```
    pub fn yield_turn(&mut self) {
        let is_final = self.state.is_final();
        if let Some(turn) = &mut self.turn {
            turn.behind |= !is_final;
            turn.dismissed |= is_final;
        }
    }

    /// Whether it failed for good, and no other run of its order key starts until it is retried, dismissed or deleted. No
    /// retention removes it before that.
    pub fn stops_key(&self) -> bool {
        let Lineage { successor, .. } = self.lineage;
        let stops = self.constraints().ordered.as_ref().map(|ordered| ordered.after_failure);
        self.state.kind() == StateKind::Failed
            && stops == Some(AfterFailure::Stop)
            && self.turn.is_some_and(|turn| !turn.dismissed && !turn.behind)
            && successor.is_none()
    }
}
