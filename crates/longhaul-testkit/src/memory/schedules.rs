//! Schedules: rows that are changed by whoever saw them last.

use longhaul_core::{
    ScheduleName, Timestamp,
    store::{ScheduleChange, ScheduleChangeError, ScheduleChanged, ScheduleChanges, ScheduleRow},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn schedule(
        &mut self,
        now: Timestamp,
        change: ScheduleChange,
    ) -> Result<ScheduleChanged, ScheduleChangeError> {
        let ScheduleChange { name, seen, value, runs } = change;
        let there = self.schedules.get(&name).filter(|(_, value)| value.is_some()).map(|(revision, _)| *revision);
        if there != seen {
            return Err(ScheduleChangeError::Conflict { name, revision: there });
        }
        self.changes += 1;
        let revision = self.position();
        self.schedules.insert(name, (revision, value));
        Ok(ScheduleChanged { revision, runs: runs.into_iter().map(|new| self.insert(now, new)).collect() })
    }

    pub(super) fn get_schedule(&self, name: &ScheduleName) -> Option<ScheduleRow> {
        let (revision, value) = self.schedules.get(name)?;
        Some(ScheduleRow { name: name.clone(), revision: *revision, value: value.clone()? })
    }

    /// The revision of the last change; 1: there was none yet. 0 is what those ask with who know nothing.
    pub(super) fn position(&self) -> u64 {
        self.changes + 1
    }

    /// What changed after `seen`; `None`: nothing.
    pub(super) fn schedules_after(&self, seen: u64) -> Option<ScheduleChanges> {
        if seen >= self.position() {
            return None;
        }
        let mut schedules = ScheduleChanges { position: self.position(), ..ScheduleChanges::default() };
        for (name, (revision, value)) in self.schedules.iter().filter(|(_, (revision, _))| *revision > seen) {
            match value {
                Some(value) => {
                    let (name, revision, value) = (name.clone(), *revision, value.clone());
                    schedules.changed.push(ScheduleRow { name, revision, value });
                }
                None => schedules.removed.push(ScheduleName::clone(name)),
            }
        }
        Some(schedules)
    }
}
