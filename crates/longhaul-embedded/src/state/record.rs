//! A run with its values, as it is in memory, and where its parts are in the file.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use longhaul_core::{
    Decision, Envelope, IllegalEvent, Inbox, NewRun, Snapshot, StoredRun, Timestamp,
    record::Part,
    stored::{ChangedValues, Followup},
};

use crate::format::pieces::Layout;
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
            self.layout.changed(Part::Inbox);
        }
        let followup = self.stored.apply(decision);
        let ChangedValues { history, ended, execution_metadata } = followup.changed;
        let changed = [(history, Part::History), (ended, Part::Ended), (execution_metadata, Part::ExecutionMetadata)];
        for (_, part) in changed.into_iter().filter(|(changed, _)| *changed) {
            self.layout.changed(part);
        }
        Ok(followup)
    }

    pub(crate) fn set_execution_metadata(&mut self, value: Option<Envelope>) {
        if self.stored.set_execution_metadata(value) {
            self.layout.changed(Part::ExecutionMetadata);
        }
    }

    /// What was asked is replaced by what another run brought.
    pub(crate) fn replace(&mut self, metadata: Envelope, execution_metadata: Option<Envelope>) {
        self.stored.replace(metadata, execution_metadata);
        for part in [Part::Metadata, Part::Initial, Part::ExecutionMetadata] {
            self.layout.changed(part);
        }
    }

    pub(crate) fn into_snapshot(self) -> Snapshot {
        self.stored.into_snapshot()
    }
}

/// Whether nothing came into an inbox, and nothing was taken from it.
fn same_inbox(before: Option<&Arc<Inbox>>, now: Option<&Arc<Inbox>>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        (before, now) => before.is_none() && now.is_none(),
    }
}
