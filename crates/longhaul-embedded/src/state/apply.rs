//! What happens to a run, and is staged with what follows from it.

use longhaul_core::{Event, IllegalEvent, RunId, StateKind, StoredRun, Timestamp, stored::Followup};

use super::{State, record::Record};
use crate::error::Fault;

impl State {
    /// Lets an operation happen to a run. An operation that is refused, or changes nothing, leaves it as it was.
    pub(crate) fn change<T, E>(
        &mut self,
        id: RunId,
        not_found: fn(RunId) -> E,
        operation: impl FnOnce(Timestamp, &mut StoredRun) -> Result<(T, Followup), E>,
    ) -> Result<Result<T, E>, Fault> {
        match self.take(id)? {
            Some(record) => self.change_taken(record, operation),
            None => Ok(Err(not_found(id))),
        }
    }

    /// The same, of a run that was taken.
    pub(crate) fn change_taken<T, E>(
        &mut self,
        mut record: Box<Record>,
        operation: impl FnOnce(Timestamp, &mut StoredRun) -> Result<(T, Followup), E>,
    ) -> Result<Result<T, E>, Fault> {
        let (now, was_final) = (self.now, record.run.state.is_final());
        let (answer, followup) = match record.change(|run| operation(now, run)) {
            Ok(changed) => changed,
            Err(refused) => {
                self.put_back(record);
                return Ok(Err(refused));
            }
        };
        if followup.order {
            self.servers.ask_to_stop(&record.run);
        }
        if !followup.keep {
            self.put_back(record);
        } else if followup.remove {
            self.erase(&record, was_final)?;
        } else if was_final {
            self.keep_final(record)?;
        } else {
            self.keep(record)?;
        }
        Ok(Ok(answer))
    }

    /// Lets `event` happen to a run that was taken.
    pub(crate) fn apply_event(
        &mut self,
        record: Box<Record>,
        event: &Event,
    ) -> Result<Result<StateKind, IllegalEvent>, Fault> {
        self.change_taken(record, |now, run| {
            let followup = run.apply_event(now, event)?;
            Ok((run.run.state.kind(), followup))
        })
    }

    /// A run that was taken, and is as it was.
    pub(crate) fn put_back(&mut self, record: Box<Record>) {
        if record.run.state.kind() == StateKind::Running {
            self.active.insert(record.run.id, record);
        }
    }
}
