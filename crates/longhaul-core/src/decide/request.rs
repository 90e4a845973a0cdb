//! What follows when a client asks something of a run, other than to proceed.

use std::sync::Arc;

use super::{Step, decision::Decision};
use crate::{
    constraints::Constraints,
    event::StopRequest,
    history::Transition,
    id::RunId,
    limits::{REASON_MAX, cut},
    run::Priority,
    state::{State, Waiting},
    time::{Due, Timestamp},
};

impl Step<'_> {
    pub(super) fn cancel_requested(mut self, reason: Option<&str>) -> Decision {
        // Asking once more without a reason takes nothing away from the one that was given.
        let before = self.before.request.as_ref().filter(|_| self.is_being_cancelled()).and_then(StopRequest::reason);
        let kept = reason.or(before).map(|reason| cut(reason, REASON_MAX).into());
        self.next.request = Some(StopRequest::Cancel { reason: kept });
        self.effects.order = true;
        self.record(Transition::CancelRequested, reason);
        self.stay()
    }

    pub(super) fn suspend_requested(mut self, reason: Option<&str>) -> Decision {
        self.next.request = Some(StopRequest::Suspend { reason: reason.map(|reason| cut(reason, REASON_MAX).into()) });
        self.effects.order = true;
        self.record(Transition::SuspendRequested, reason);
        self.stay()
    }

    pub(super) fn put_aside(mut self, reason: Option<&str>) -> Decision {
        self.record(Transition::Suspended, reason);
        self.release().enter(State::Suspended { waiting: Waiting::Proceed })
    }

    pub(super) fn rescheduled(mut self, at: Timestamp) -> Decision {
        self.record(Transition::Rescheduled, None);
        let due = at.max(self.now);
        match self.before.state {
            State::Retrying { .. } => self.enter(State::Retrying { due }),
            _ => self.enter(State::Pending { due }),
        }
    }

    pub(super) fn prioritised(mut self, priority: Priority) -> Decision {
        self.next.priority = priority;
        self.record(Transition::Prioritised, None);
        self.stay()
    }

    pub(super) fn replaced(
        mut self,
        version: u16,
        priority: Priority,
        due: Option<Timestamp>,
        expires: Option<Timestamp>,
    ) -> Decision {
        self.next.version = version;
        self.next.priority = priority;
        self.next.constraints = expiring(self.before.constraints.as_ref(), expires);
        self.record(Transition::Replaced, None);
        match (&self.before.state, due.map(|due| due.max(self.now))) {
            (State::Pending { .. }, Some(due)) => self.enter(State::Pending { due }),
            // Whoever put it aside lets it go on.
            _ => self.stay(),
        }
    }

    pub(super) fn run_now(mut self) -> Decision {
        self.record(Transition::RunNow, None);
        let due = self.now;
        match self.before.state {
            State::Retrying { .. } => self.enter(State::Retrying { due }),
            _ => self.enter(State::Pending { due }),
        }
    }

    pub(super) fn released(mut self, why: &str) -> Decision {
        self.record(Transition::Released, Some(why));
        self.waits_again()
    }

    /// Its outcome stays as it is, for ever; that it was retried is written beside it.
    pub(super) fn retried(mut self, successor: RunId) -> Decision {
        self.next.lineage.successor = Some(successor);
        self.next.lineage.retried = Some(self.now);
        self.record(Transition::Retried, Some(&format!("as {successor}")));
        self.stay()
    }

    pub(super) fn turn_taken(mut self) -> Decision {
        if let Some(turn) = &mut self.next.turn {
            turn.behind = false;
        }
        self.stay()
    }

    pub(super) fn dismissed(mut self) -> Decision {
        if let Some(turn) = &mut self.next.turn {
            turn.dismissed = true;
        }
        self.record(Transition::Dismissed, Some("the runs behind it go on"));
        self.stay()
    }

    pub(super) fn removed(mut self) -> Decision {
        self.effects.remove = true;
        self.stay()
    }
}

/// The same constraints, of a run that expires then.
fn expiring(before: Option<&Arc<Constraints>>, expires: Option<Timestamp>) -> Option<Arc<Constraints>> {
    let expires = expires.map(Due::At);
    let there = before.map_or(Constraints::none(), |before| before);
    if there.expires == expires {
        return before.cloned();
    }
    let constraints = Constraints { expires, ..there.clone() };
    (!constraints.is_empty()).then(|| Arc::new(constraints))
}
