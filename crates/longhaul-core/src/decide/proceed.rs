//! What follows when a run is asked to proceed.

use std::sync::Arc;

use super::{
    Step,
    decision::{Decision, IllegalEvent},
};
use crate::{
    envelope::Envelope, event::StopRequest, history::Transition, name::Key, run::PendingProceed, state::State,
    time::Timestamp,
};

impl Step<'_> {
    /// A proceed lets a suspended run go on, and is kept for a running one. A value is taken whatever the run is doing,
    /// unless it will never go on.
    pub(super) fn heard(
        mut self,
        at: Option<Timestamp>,
        replaced: Option<u16>,
        value: Option<&Envelope>,
        key: Option<&Key>,
    ) -> Result<Decision, IllegalEvent> {
        self.may_hear(key)?;
        let hears = match self.before.state {
            State::Suspended { .. } => true,
            // Other execution metadata would be overwritten by the attempt's next checkpoint.
            State::Running { .. } => replaced.is_none(),
            _ => replaced.is_none() && value.is_some() && !self.before.state.is_final(),
        };
        if !hears {
            return Err(self.cannot("cannot proceed"));
        }
        self.put_into_inbox(at, None, value, key)?;
        match self.before.state {
            State::Suspended { .. } => {
                let at = at.map_or(self.now, |at| at.max(self.now));
                Ok(self.proceeded(at, replaced, value.is_some()))
            }
            State::Running { .. } => self.proceeded_while_running(at, value.is_some()),
            _ => {
                self.record(Transition::Proceeded, Some("with a value, kept until it is taken"));
                Ok(self.stay())
            }
        }
    }

    /// A signal is kept until the run takes it. It lets the run go on only if it is suspended for it.
    pub(super) fn signalled(
        mut self,
        name: &Key,
        value: &Envelope,
        key: Option<&Key>,
    ) -> Result<Decision, IllegalEvent> {
        self.may_hear(key)?;
        if self.before.state.is_final() {
            return Err(self.cannot("cannot signal"));
        }
        self.put_into_inbox(None, Some(name), Some(value), key)?;
        if self.before.inbox().awaited.contains(name) {
            self.record(Transition::Proceeded, Some(&format!("by the signal `{name}`")));
            let due = self.now;
            return Ok(self.enter(State::Pending { due }));
        }
        self.record(Transition::Proceeded, Some(&format!("the signal `{name}` is kept until it is taken")));
        Ok(self.stay())
    }

    /// What holds for proceeds and signals, whatever the run is doing.
    fn may_hear(&self, key: Option<&Key>) -> Result<(), IllegalEvent> {
        // First of all: a sender that repeats itself is told so whatever became of the run since.
        if key.is_some_and(|key| self.before.inbox().remembers(key)) {
            return Err(IllegalEvent::Repeated);
        }
        if self.is_being_cancelled() { Err(IllegalEvent::BeingCancelled) } else { Ok(()) }
    }

    fn put_into_inbox(
        &mut self,
        at: Option<Timestamp>,
        signal: Option<&Key>,
        value: Option<&Envelope>,
        key: Option<&Key>,
    ) -> Result<(), IllegalEvent> {
        if value.is_none() && key.is_none() {
            return Ok(());
        }
        let inbox = Arc::make_mut(self.next.inbox.get_or_insert_default());
        if let Some(value) = value {
            if !inbox.takes(value) {
                return Err(IllegalEvent::InboxFull { messages: inbox.messages.len() });
            }
            inbox.push(at.filter(|at| *at > self.now), signal.cloned(), value.clone());
            self.next.version = self.next.version.max(value.schema_version());
        }
        if let Some(key) = key {
            inbox.remember(key.clone());
        }
        Ok(())
    }

    fn proceeded(mut self, at: Timestamp, replaced: Option<u16>, with_value: bool) -> Decision {
        self.next.version = self.next.version.max(replaced.unwrap_or(0));
        self.record(Transition::Proceeded, with_value.then_some("with a value"));
        self.enter(State::Pending { due: at })
    }

    /// It is kept until the run suspends, but for one that is being suspended from outside: that is undone. Undone for
    /// later it cannot be. A value that is kept lets the run go on by itself.
    fn proceeded_while_running(mut self, at: Option<Timestamp>, with_value: bool) -> Result<Decision, IllegalEvent> {
        let at = at.filter(|at| *at > self.now);
        if let Some(StopRequest::Suspend { .. }) = self.before.request {
            if at.is_some() {
                return Err(self.cannot("cannot proceed at a later time"));
            }
            self.record(Transition::Proceeded, Some("it is not to be suspended any more"));
            return Ok(self.release().stay());
        }
        if with_value {
            self.record(Transition::Proceeded, Some("with a value, kept until the run suspends"));
            return Ok(self.stay());
        }
        let asked = at.map_or(PendingProceed::AtOnce, PendingProceed::At);
        self.next.pending_proceed = Some(self.before.pending_proceed.map_or(asked, |kept| kept.min(asked)));
        self.record(Transition::Proceeded, Some("kept until the run suspends"));
        Ok(self.stay())
    }
}
