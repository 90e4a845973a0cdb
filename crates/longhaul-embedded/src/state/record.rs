//! A run with its values, as it is in memory, and where its parts are in the file.

use std::ops::{Deref, DerefMut};

use longhaul_core::{
    Decision, Event, IllegalEvent, Snapshot, StoredRun, Timestamp,
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

impl From<StoredRun> for Record {
    /// A run that is new.
    fn from(stored: StoredRun) -> Self {
        Self { stored, layout: Layout::default() }
    }
}

impl Record {
    /// Lets an operation happen to it.
    pub(crate) fn change<T, E>(
        &mut self,
        operation: impl FnOnce(&mut StoredRun) -> Result<(T, Followup), E>,
    ) -> Result<(T, Followup), E> {
        let (answer, followup) = operation(&mut self.stored)?;
        self.note(followup.changed);
        Ok((answer, followup))
    }

    /// Lets an event happen to it. What that asks of others is left in the answer.
    pub(crate) fn apply_event(&mut self, now: Timestamp, event: &Event) -> Result<Followup, IllegalEvent> {
        self.change(|run| Ok(((), run.apply_event(now, event)?))).map(|((), followup)| followup)
    }

    /// Becomes what was decided.
    pub(crate) fn apply(&mut self, decision: Decision) {
        let followup = self.stored.apply(decision);
        self.note(followup.changed);
    }

    fn note(&mut self, changed: ChangedValues) {
        let ChangedValues { asked, history, ended, execution_metadata, inbox } = changed;
        let parts = [
            (asked, Part::Metadata),
            (asked, Part::Initial),
            (history, Part::History),
            (ended, Part::Ended),
            (execution_metadata, Part::ExecutionMetadata),
            (inbox, Part::Inbox),
        ];
        for (_, part) in parts.into_iter().filter(|(changed, _)| *changed) {
            self.layout.changed(part);
        }
    }

    pub(crate) fn into_snapshot(self) -> Snapshot {
        self.stored.into_snapshot()
    }
}
