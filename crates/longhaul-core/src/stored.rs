//! A run with its values, as a store keeps it, and how a decision changes it.

use crate::{
    Timestamp,
    decide::{Decision, Effects, admit, decide},
    envelope::Envelope,
    event::{Ending, Event},
    history::History,
    run::{Ended, NewRun, Run, Snapshot},
    state::StateKind,
};

/// All that a store keeps of a run.
///
/// ```
/// use longhaul_core::{Event, StateKind, StoredRun, decide, doc};
///
/// let mut stored = StoredRun::enqueue(doc::NOW, doc::new_run());
/// let decision = decide(doc::NOW, &stored.run, &Event::Cancel { reason: None })?;
/// let followup = stored.apply(decision);
/// assert_eq!((stored.run.state.kind(), stored.history.entries.len()), (StateKind::Cancelled, 2));
/// assert!(followup.changed.ended && followup.changed.history && !followup.remove && !followup.order);
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

/// What a decision asks of a store, besides keeping the run.
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
    /// The server that executes the run is told of [`Run::request`].
    pub order: bool,
    /// The run and all its values are removed.
    pub remove: bool,
    /// Which values have changed, for stores that keep them apart.
    pub changed: ChangedValues,
}

/// Which values of a run a decision has changed.
///
/// ```
/// use longhaul_core::stored::ChangedValues;
///
/// assert!(!ChangedValues::default().history);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct ChangedValues {
    /// [`StoredRun::history`].
    pub history: bool,
    /// [`StoredRun::ended`].
    pub ended: bool,
    /// [`StoredRun::execution_metadata`].
    pub execution_metadata: bool,
}

impl From<Snapshot> for StoredRun {
    /// A run that is new, with its values.
    fn from(snapshot: Snapshot) -> Self {
        let Snapshot { run, metadata, initial, execution_metadata, ended, history } = snapshot;
        Self { run, settled: false, metadata, initial, execution_metadata, ended, history }
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

    /// Becomes what was decided.
    pub fn apply(&mut self, decision: Decision) -> Followup {
        let Decision { next, effects: Effects { history, ended, reset, order, remove } } = decision;
        let mut changed =
            ChangedValues { history: history.is_some(), ended: ended.is_some(), execution_metadata: false };
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
        Followup { order, remove, changed }
    }

    /// For a copy: a run that executes goes on as after a shutdown, since its attempt ends with the store that it holds it
    /// in. Any other run stays as it is.
    pub fn interrupt(&mut self, now: Timestamp, why: &str) {
        let event = Event::Settle { epoch: self.run.epoch, ending: Ending::Interrupted { why: why.into() } };
        if self.run.state.kind() == StateKind::Running {
            self.apply(decide(now, &self.run, &event).expect("a run that executes can be interrupted"));
        }
    }

    /// Has other execution metadata; answers whether that is another value.
    pub fn set_execution_metadata(&mut self, value: Option<Envelope>) -> bool {
        let changed = self.execution_metadata != value;
        self.execution_metadata = value;
        changed
    }

    /// What was asked is replaced by what another run brought.
    pub fn replace(&mut self, metadata: Envelope, execution_metadata: Option<Envelope>) {
        self.metadata = metadata;
        self.initial.clone_from(&execution_metadata);
        self.execution_metadata = execution_metadata;
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
