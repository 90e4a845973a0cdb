//! A run with its values, as a store keeps it, and all that changes it: what attempts write, and what clients ask.
//!
//! Each of these operations is a function on the one run that it concerns. A store reads the run, lets it happen, and
//! keeps what the [`Followup`] says. So a store has no rule of its own.

mod attempts;
mod clients;
mod insert;

use std::sync::Arc;

pub use self::insert::{duplicate, resolve_conflict};
use crate::{
    Timestamp,
    decide::{Decision, Effects, IllegalEvent, admit, decide},
    envelope::Envelope,
    event::{Ending, Event},
    history::{Actor, History},
    inbox::Inbox,
    run::{Ended, NewRun, Run, Snapshot},
    state::StateKind,
};

/// All that a store keeps of a run.
///
/// ```
/// use longhaul_core::{Event, StateKind, StoredRun, decide, doc};
///
/// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let followup = stored.apply(decide(doc::NOW, &stored.run, &Event::Cancel { reason: None })?);
/// assert_eq!((stored.run.state.kind(), stored.history.entries.len()), (StateKind::Cancelled, 2));
/// assert!(followup.keep && followup.changed.ended && followup.changed.history && !followup.remove && !followup.order);
/// assert_eq!(stored.snapshot().ended, stored.ended);
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct StoredRun {
    /// The run.
    pub run: Run,
    /// Its latest attempt was settled, not taken away: a settlement that is repeated is recognised by it.
    pub settled: bool,
    /// See [`Snapshot::metadata`].
    pub metadata: Envelope,
    /// See [`Snapshot::initial`].
    pub initial: Option<Envelope>,
    /// See [`Snapshot::execution_metadata`].
    pub execution_metadata: Option<Envelope>,
    /// See [`Snapshot::ended`].
    pub ended: Option<Ended>,
    /// See [`Snapshot::history`].
    pub history: History,
}

/// What a change of a run asks of a store. By default nothing: the run is as it was.
///
/// ```
/// use longhaul_core::{Event, StoredRun, decide, doc};
///
/// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let deleted = decide(doc::NOW, &stored.run, &Event::Delete)?;
/// assert!(stored.apply(deleted).remove);
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Followup {
    /// The run is another one than before: what it has become is kept, in one transaction with all that follows from it.
    pub keep: bool,
    /// The server that executes the run is told of [`Run::request`].
    pub order: bool,
    /// The run and all its values are removed.
    pub remove: bool,
    /// Which values have changed, for stores that keep them apart.
    pub changed: ChangedValues,
}

/// Which values of a run have changed.
///
/// ```
/// use longhaul_core::stored::ChangedValues;
///
/// assert!(!ChangedValues::default().any());
/// assert!(ChangedValues { ended: true, ..ChangedValues::default() }.any());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
#[expect(clippy::struct_excessive_bools, reason = "a set of values, asked for one by one")]
pub struct ChangedValues {
    /// [`StoredRun::metadata`] and [`StoredRun::initial`].
    pub asked: bool,
    /// [`StoredRun::history`].
    pub history: bool,
    /// [`StoredRun::ended`].
    pub ended: bool,
    /// [`StoredRun::execution_metadata`].
    pub execution_metadata: bool,
    /// [`Run::inbox`].
    pub inbox: bool,
}

impl Followup {
    /// What this and a later change of the same run ask together.
    #[must_use]
    fn and(self, later: Self) -> Self {
        let (first, second) = (self.changed, later.changed);
        Self {
            keep: self.keep | later.keep,
            order: self.order | later.order,
            remove: self.remove | later.remove,
            changed: ChangedValues {
                asked: first.asked | second.asked,
                history: first.history | second.history,
                ended: first.ended | second.ended,
                execution_metadata: first.execution_metadata | second.execution_metadata,
                inbox: first.inbox | second.inbox,
            },
        }
    }
}

impl ChangedValues {
    /// Whether one of them has.
    pub const fn any(&self) -> bool {
        let Self { asked, history, ended, execution_metadata, inbox } = *self;
        asked | history | ended | execution_metadata | inbox
    }
}

impl StoredRun {
    /// What a store keeps for a new run.
    pub fn enqueue(now: Timestamp, new: NewRun) -> Self {
        let (run, first) = admit(now, &new);
        Self {
            run,
            settled: false,
            metadata: new.metadata,
            initial: new.execution_metadata.clone(),
            execution_metadata: new.execution_metadata,
            ended: None,
            history: History::starting(first),
        }
    }

    /// Lets `event` happen to it, which nobody is known to have asked for.
    ///
    /// # Errors
    /// It cannot happen: the run is as it was.
    pub fn apply_event(&mut self, now: Timestamp, event: &Event) -> Result<Followup, IllegalEvent> {
        Ok(self.apply(decide(now, &self.run, event)?))
    }

    fn apply_event_of(&mut self, by: Actor, now: Timestamp, event: &Event) -> Result<Followup, IllegalEvent> {
        Ok(self.apply(decide(now, &self.run, event)?.asked_by(by)))
    }

    /// Becomes what was decided.
    pub fn apply(&mut self, decision: Decision) -> Followup {
        let Decision { next, effects: Effects { history, ended, reset, order, remove } } = decision;
        let mut changed = ChangedValues {
            history: history.is_some(),
            ended: ended.is_some(),
            inbox: !is_same(self.run.inbox.as_ref(), next.inbox.as_ref()),
            ..ChangedValues::default()
        };
        // A new claim makes the settlement of the one before an old one.
        self.settled &= next.epoch == self.run.epoch;
        self.run = next;
        if let Some(entry) = history {
            self.history.push(entry);
        }
        if ended.is_some() {
            self.ended = ended;
        }
        if reset {
            changed.execution_metadata = self.set_execution_metadata(self.initial.clone());
        }
        Followup { keep: true, order, remove, changed }
    }

    /// For a copy: a run that executes goes on as after a shutdown, since its attempt ends with the store that it holds it
    /// in. Any other run stays as it is.
    pub fn interrupt(&mut self, now: Timestamp, why: &str) {
        let event = Event::Settle { epoch: self.run.epoch, ending: Ending::Interrupted { why: why.into() } };
        if self.run.state.kind() == StateKind::Running {
            self.apply_event(now, &event).expect("a run that executes can be interrupted");
        }
    }

    /// Has other execution metadata; answers whether that is another value.
    pub fn set_execution_metadata(&mut self, value: Option<Envelope>) -> bool {
        let changed = self.execution_metadata != value;
        self.execution_metadata = value;
        changed
    }

    /// What others see of it.
    pub fn snapshot(&self) -> Snapshot {
        self.clone().into_snapshot()
    }

    /// The same, of one that is needed no more.
    pub fn into_snapshot(self) -> Snapshot {
        let Self { run, metadata, initial, execution_metadata, ended, history, .. } = self;
        Snapshot { run, metadata, initial, execution_metadata, ended, history }
    }
}

/// Whether nothing came into an inbox, and nothing was taken from it.
fn is_same(before: Option<&Arc<Inbox>>, now: Option<&Arc<Inbox>>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        (before, now) => before.is_none() && now.is_none(),
    }
}
