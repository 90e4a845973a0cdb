//! What a decision says, or why there is none.

use crate::{
    history::{Actor, HistoryEntry},
    id::{Epoch, RunId},
    run::{Ended, Run},
    state::StateKind,
    time::Timestamp,
};

/// What follows from an event: the run as it is from now on, and what the store does besides keeping it.
///
/// ```
/// use longhaul_core::{Event, StateKind, decide, doc};
///
/// let decision = decide(doc::NOW, &doc::run(), &Event::Cancel { reason: None })?;
/// assert_eq!(decision.next.state.kind(), StateKind::Cancelled);
/// assert!(decision.effects.ended.is_some() && decision.effects.history.is_some());
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Decision {
    /// The run as it is from now on. With [`Effects::remove`] it is the run's last word.
    pub next: Run,
    /// What else is to be kept, in the same transaction.
    pub effects: Effects,
}

impl Decision {
    /// The same, with who asked for it in the history.
    ///
    /// ```
    /// use longhaul_core::{Actor, Event, decide, doc};
    ///
    /// let cancelled = decide(doc::NOW, &doc::run(), &Event::Cancel { reason: None })?.asked_by(Actor::named("ann"));
    /// assert_eq!(cancelled.effects.history.unwrap().by, Actor::named("ann"));
    /// # Ok::<(), longhaul_core::IllegalEvent>(())
    /// ```
    #[must_use]
    pub fn asked_by(mut self, actor: Actor) -> Self {
        if let Some(entry) = &mut self.effects.history {
            entry.by = actor;
        }
        self
    }
}

/// What a store keeps besides the run, in the same transaction.
///
/// ```
/// use longhaul_core::{Event, decide, doc};
///
/// let deleted = decide(doc::NOW, &doc::run(), &Event::Delete)?;
/// assert!(deleted.effects.remove && !deleted.effects.order);
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Effects {
    /// Appended to the run's history.
    pub history: Option<HistoryEntry>,
    /// The outcome, or the latest failure; it replaces the one before.
    pub ended: Option<Ended>,
    /// The execution metadata becomes what the run was enqueued with.
    pub reset: bool,
    /// The server that executes the run is told of [`Run::request`].
    pub order: bool,
    /// The run and all its values are removed.
    pub remove: bool,
}

/// The event cannot happen to a run in this state. Nothing was changed.
///
/// ```
/// use longhaul_core::{Epoch, Event, IllegalEvent, decide, doc};
///
/// let late = Event::Checkpoint { epoch: Epoch(3), seq: 1, changed: None, proves: true, taken: Vec::new() };
/// let refused = decide(doc::NOW, &doc::run(), &late).unwrap_err();
/// assert!(matches!(refused, IllegalEvent::EpochLost { found: Epoch(3), .. }));
/// assert!(refused.to_string().contains("its claim was lost"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum IllegalEvent {
    /// The run is not in a state in which this can happen.
    #[error("{what} a run that is {state}")]
    State {
        /// What was tried: "cannot claim".
        what: &'static str,
        /// The state it is in.
        state: StateKind,
    },
    /// It is not due yet.
    #[error("the run is due at {due}, which has not come")]
    NotDue {
        /// When it is.
        due: Timestamp,
    },
    /// Another attempt has the run, or none.
    #[error("attempt {found} writes, but the run is at attempt {current} and {state}: its claim was lost")]
    EpochLost {
        /// The attempt that tried to write.
        found: Epoch,
        /// The attempt that the run is at.
        current: Epoch,
        /// The state it is in.
        state: StateKind,
    },
    /// It is being cancelled, and will not go on.
    #[error("the run is being cancelled: it will not go on")]
    BeingCancelled,
    /// A proceed with this idempotency key was heard before.
    #[error("a proceed with this key was heard before")]
    Repeated,
    /// There is no room for another value.
    #[error("{messages} values wait to be taken: there is no room for another")]
    InboxFull {
        /// How many.
        messages: usize,
    },
    /// A later checkpoint is already kept.
    #[error("checkpoint {found} comes after checkpoint {current} was kept")]
    Superseded {
        /// The number that came.
        found: u32,
        /// The number that is kept.
        current: u32,
    },
    /// It was retried before.
    #[error("the run was retried as {successor}")]
    Retried {
        /// As this run.
        successor: RunId,
    },
}
