//! Events that happen to a run.

use longhaul_core::{Actor, Event, IllegalEvent, StateKind, decide};

use super::{State, record::Record};
use crate::error::Fault;

impl State {
    /// Lets `event` happen to a run that was taken, and stages what it has become. An event that cannot happen leaves
    /// it as it was.
    pub(crate) fn apply_event(
        &mut self,
        record: Box<Record>,
        event: &Event,
    ) -> Result<Result<StateKind, IllegalEvent>, Fault> {
        self.apply_event_of(Actor::UNKNOWN, record, event)
    }

    /// The same, of an event that a client asked for.
    pub(crate) fn apply_event_of(
        &mut self,
        by: Actor,
        mut record: Box<Record>,
        event: &Event,
    ) -> Result<Result<StateKind, IllegalEvent>, Fault> {
        let listed = record.run.state.is_final();
        match record.apply_decision(decide(self.now, &record.run, event).map(|decision| decision.asked_by(by))) {
            Err(illegal) => {
                self.put_back(record);
                Ok(Err(illegal))
            }
            Ok(followup) => {
                let state = record.run.state.kind();
                if followup.order {
                    self.servers.ask_to_stop(&record.run);
                }
                if followup.remove {
                    self.erase(&record, listed)?;
                } else if listed {
                    self.keep_final(record)?;
                } else {
                    self.keep(record)?;
                }
                Ok(Ok(state))
            }
        }
    }

    /// A run that was taken, and is as it was.
    pub(crate) fn put_back(&mut self, record: Box<Record>) {
        if record.run.state.kind() == StateKind::Running {
            self.active.insert(record.run.id, record);
        }
    }
}
