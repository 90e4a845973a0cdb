//! A run with its values, as it is in memory, and how it is laid down.

mod blob;
mod constraints;
mod control;
mod inbox;
mod log;
mod parts;
mod sections;
#[cfg(test)]
mod tests;
mod v1;

use std::{fmt, sync::Arc};

use longhaul_core::{
    Decision, Ended, Envelope, History, IllegalEvent, NewRun, Run, RunId, Snapshot, Timestamp, admit, decide::Effects,
};

pub(crate) use self::{
    blob::Blob,
    constraints::ConstraintsV1,
    control::{ControlV1, read_control, write_control},
    log::{read_log, write_log},
    parts::{Encoded, Layout, Pieces, encode},
    sections::Sections,
    v1::{PaceV1, PendingProceedV1, RecordV1, read},
};

/// All of a run. Those that execute are held in memory; others are read when something happens to them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) run: Run,
    /// The latest attempt was settled, not taken away: its settlement is recognised when it is repeated.
    pub(crate) settled: bool,
    pub(crate) metadata: Envelope,
    pub(crate) initial: Option<Envelope>,
    pub(crate) execution_metadata: Option<Envelope>,
    pub(crate) ended: Option<Ended>,
    pub(crate) history: History,
    /// Which of its parts stand apart from its record, and where.
    pub(crate) layout: Layout,
}

/// Something that was read is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is damaged: {reason}")]
pub(crate) struct Damage {
    pub(crate) what: Arc<str>,
    pub(crate) reason: Arc<str>,
}

impl Damage {
    pub(crate) fn of(what: impl Into<Arc<str>>, reason: impl Into<Arc<str>>) -> Self {
        Self { what: what.into(), reason: reason.into() }
    }

    pub(crate) fn of_run(id: RunId, reason: impl fmt::Display) -> Self {
        Self::of(id.to_string(), format!("{reason}"))
    }
}

impl Record {
    pub(crate) fn admit(now: Timestamp, new: NewRun) -> Self {
        let (run, first) = admit(now, &new);
        Self {
            run,
            settled: false,
            metadata: new.metadata,
            initial: new.execution_metadata.clone(),
            execution_metadata: new.execution_metadata,
            ended: None,
            history: History::starting(first),
            layout: Layout::default(),
        }
    }

    /// A run that is new, with its values.
    pub(crate) fn of(snapshot: Snapshot) -> Self {
        let Snapshot { run, metadata, initial, execution_metadata, ended, history } = snapshot;
        let layout = Layout::default();
        Self { run, settled: false, metadata, initial, execution_metadata, ended, history, layout }
    }

    /// Becomes what was decided. What the decision asks of others is left in the answer.
    pub(crate) fn apply_decision(
        &mut self,
        decision: Result<Decision, IllegalEvent>,
    ) -> Result<Followup, IllegalEvent> {
        let Decision { next, effects } = decision?;
        let Effects { history, ended, reset, order, remove } = effects;
        // A new claim makes the settlement of the one before an old one.
        self.settled &= next.epoch == self.run.epoch;
        let same_inbox = match (&self.run.inbox, &next.inbox) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (before, now) => before.is_none() && now.is_none(),
        };
        if !same_inbox {
            self.layout.changed(parts::INBOX);
        }
        self.run = next;
        if let Some(entry) = history {
            self.history.push(entry);
            self.layout.changed(parts::HISTORY);
        }
        if ended.is_some() {
            self.ended = ended;
            self.layout.changed(parts::ENDED);
        }
        if reset {
            self.set_execution_metadata(self.initial.clone());
        }
        Ok(Followup { order, remove })
    }

    pub(crate) fn set_execution_metadata(&mut self, value: Option<Envelope>) {
        if self.execution_metadata != value {
            self.execution_metadata = value;
            self.layout.changed(parts::EXECUTION_METADATA);
        }
    }

    /// What was asked is replaced by what another run brought.
    pub(crate) fn replace(&mut self, metadata: Envelope, execution_metadata: Option<Envelope>) {
        self.metadata = metadata;
        self.initial.clone_from(&execution_metadata);
        self.layout.changed(parts::METADATA);
        self.layout.changed(parts::INITIAL);
        self.set_execution_metadata(execution_metadata);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            run: self.run.clone(),
            metadata: self.metadata.clone(),
            initial: self.initial.clone(),
            execution_metadata: self.execution_metadata.clone(),
            ended: self.ended.clone(),
            history: self.history.clone(),
        }
    }

    pub(crate) fn into_snapshot(self) -> Snapshot {
        let Self { run, metadata, initial, execution_metadata, ended, history, .. } = self;
        Snapshot { run, metadata, initial, execution_metadata, ended, history }
    }
}

/// What a decision asks for besides the record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followup {
    /// The server that executes the run is told.
    pub(crate) order: bool,
    /// The run is removed.
    pub(crate) remove: bool,
}
