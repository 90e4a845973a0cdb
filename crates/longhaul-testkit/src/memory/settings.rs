//! Schedules and controls.

use longhaul_core::{
    Control, ControlChange, Controls, ScheduleName, Scope, StoreError,
    store::{ScheduleChange, ScheduleChangeError, ScheduleChanged, ScheduleRow},
};

use super::memory_state::MemoryState;

impl MemoryState {
    pub(super) fn schedule(&mut self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleChangeError> {
        let ScheduleChange { name, seen, value, runs } = change;
        let revision = self.schedules.check(&name, seen)?;
        self.schedules.change(name, value);
        Ok(ScheduleChanged { revision, runs: runs.into_iter().map(|new| self.insert_one(new)).collect() })
    }

    pub(super) fn get_schedule(&self, name: ScheduleName) -> Result<Option<ScheduleRow>, StoreError> {
        Ok(self.schedules.get(&name))
    }

    pub(super) fn control(&mut self, scope: Scope, change: ControlChange) -> Result<Control, StoreError> {
        let controls = &mut self.admission.controls;
        controls.change(&scope, change);
        controls.forget_limit_keys(self.now);
        Ok(controls.get(&scope).cloned().unwrap_or_default().at(self.now))
    }

    pub(super) fn controls(&self) -> Result<Controls, StoreError> {
        Ok(self.admission.controls.at(self.now))
    }
}
