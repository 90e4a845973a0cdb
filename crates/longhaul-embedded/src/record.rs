//! A run with its values, as it is in memory, and how it is laid down.

mod blob;
mod bucket;
mod constraints;
mod control;
mod inbox;
mod log;
mod parts;
mod sections;
#[cfg(test)]
mod tests;
mod v1;

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use longhaul_core::{
    Decision, Envelope, IllegalEvent, NewRun, RunId, Snapshot, StoredRun, Timestamp,
    stored::{ChangedValues, Followup},
};

pub(crate) use self::{
    blob::Blob,
    bucket::{read_bucket, write_bucket},
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
    pub(crate) stored: StoredRun,
    /// Which of its parts stand apart from its record, and where.
    pub(crate) layout: Layout,
}

impl Deref for Record {
    type Target = StoredRun;

    fn deref(&self) -> &StoredRun {
        &self.stored
    }
}

impl DerefMut for Record {
    fn deref_mut(&mut self) -> &mut StoredRun {
        &mut self.stored
    }
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
    pub(crate) fn enqueue(now: Timestamp, new: NewRun) -> Self {
        Self { stored: StoredRun::enqueue(now, new), layout: Layout::default() }
    }

    /// A run that is new, with its values.
    pub(crate) fn of(snapshot: Snapshot) -> Self {
        Self { stored: snapshot.into(), layout: Layout::default() }
    }

    /// Becomes what was decided. What the decision asks of others is left in the answer.
    pub(crate) fn apply_decision(
        &mut self,
        decision: Result<Decision, IllegalEvent>,
    ) -> Result<Followup, IllegalEvent> {
        let decision = decision?;
        if !same_inbox(self.run.inbox.as_ref(), decision.next.inbox.as_ref()) {
            self.layout.changed(parts::INBOX);
        }
        let followup = self.stored.apply(decision);
        let ChangedValues { history, ended, execution_metadata } = followup.changed;
        let changed =
            [(history, parts::HISTORY), (ended, parts::ENDED), (execution_metadata, parts::EXECUTION_METADATA)];
        for (_, part) in changed.into_iter().filter(|(changed, _)| *changed) {
            self.layout.changed(part);
        }
        Ok(followup)
    }

    pub(crate) fn set_execution_metadata(&mut self, value: Option<Envelope>) {
        if self.stored.set_execution_metadata(value) {
            self.layout.changed(parts::EXECUTION_METADATA);
        }
    }

    /// What was asked is replaced by what another run brought.
    pub(crate) fn replace(&mut self, metadata: Envelope, execution_metadata: Option<Envelope>) {
        self.stored.replace(metadata, execution_metadata);
        for part in [parts::METADATA, parts::INITIAL, parts::EXECUTION_METADATA] {
            self.layout.changed(part);
        }
    }

    pub(crate) fn into_snapshot(self) -> Snapshot {
        self.stored.into_snapshot()
    }
}

/// Whether nothing came into an inbox, and nothing was taken from it.
fn same_inbox(before: Option<&Arc<longhaul_core::Inbox>>, now: Option<&Arc<longhaul_core::Inbox>>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        (before, now) => before.is_none() && now.is_none(),
    }
}
