//! What follows when an attempt ends.

use std::time::Duration;

use super::{Decision, Step};
use crate::{
    event::{Ending, StopRequest},
    failure::{Cause, FailedAttempt},
    history::Transition,
    retry::Resume,
    run::{Ended, LastEnd},
    state::State,
};

impl Step<'_> {
    /// A cancellation that was asked for wins over every ending but a result: work that is done is done.
    pub(super) fn settled(mut self, ending: &Ending) -> Decision {
        // Of these two the task has seen nothing.
        self = match ending {
            Ending::Incompatible { .. } | Ending::Returned => self.unstarted(),
            _ => self.began(),
        };
        match ending {
            Ending::Completed { result } => {
                self.next.suspicion = 0;
                self.record(Transition::Completed, None);
                self.effects.ended = Some(Ended::Completed(result.clone()));
                self.finish(State::Completed)
            }
            Ending::Cancelled { reason, .. } if self.is_being_cancelled() && self.waits_for_children() => {
                let asked = self.before.request.as_ref().and_then(StopRequest::reason);
                self.called_off(reason.as_deref().or(asked))
            }
            Ending::Cancelled { reason, error } => {
                let asked = self.before.request.as_ref().and_then(StopRequest::reason);
                self.cancelled(reason.as_deref().or(asked), error.clone())
            }
            _ if self.is_being_cancelled() => self.called_off_as_requested(),
            // It stopped because it was asked to.
            Ending::Interrupted { .. } if self.before.request.is_some() => self.suspended((&[], None), None, None),
            Ending::Suspended { until, deadline } => {
                let [until, deadline] = [until, deadline].map(|time| time.map(|time| time.time(self.now)));
                self.suspended((&[], None), until, deadline)
            }
            Ending::Awaits { signals, runs, until, deadline } => {
                let [until, deadline] = [until, deadline].map(|time| time.map(|time| time.time(self.now)));
                self.suspended((signals, runs.as_ref()), until, deadline)
            }
            Ending::Failed { failure, retry_after, permanent } => self.failed(failure, *retry_after, *permanent),
            Ending::Panicked { failure } => self.panicked(failure),
            Ending::Interrupted { why } => self.interrupted(why),
            Ending::Incompatible { why, by } => {
                self.next.last_end = LastEnd::Incompatible;
                self.record(Transition::Parked, Some(why));
                self.effects.ended = Some(Ended::Incompatible(why.clone()));
                self.release().enter(State::Incompatible { by: *by })
            }
            Ending::Returned => {
                self.record(Transition::Returned, None);
                self.waits_again()
            }
        }
    }

    fn failed(mut self, failure: &FailedAttempt, retry_after: Option<Duration>, permanent: bool) -> Decision {
        self.next.last_end = LastEnd::Failed;
        self.next.suspicion = 0;
        self.next.counts.failures += 1;
        self.next.counts.restarts_without_progress = 0;
        self.effects.ended = Some(Ended::Failed(failure.clone()));
        let failures = self.next.counts.failures;
        if permanent || failures >= self.before.policy.attempts_max {
            self.record(Transition::GaveUp, Some(&failure.message));
            return self.finish(State::Failed);
        }
        let what = if failure.cause == Cause::Timeout { Transition::TimedOut } else { Transition::Failed };
        self.record(what, Some(&failure.message));
        let wait = retry_after.unwrap_or_else(|| self.before.policy.delay(self.before.id, failures));
        self.retries_after(wait)
    }

    /// A panic is a crash whose author is known: it is counted unless the attempt made a new checkpoint, and the next
    /// attempt waits, so that a task which panics at once does not spin.
    fn panicked(mut self, failure: &FailedAttempt) -> Decision {
        self.next.last_end = LastEnd::Crashed;
        self.next.suspicion = 0;
        self.effects.ended = Some(Ended::Failed(failure.clone()));
        if !self.before.progressed {
            self.next.counts.crashes += 1;
            self.next.counts.restarts_without_progress += 1;
        }
        if self.next.counts.crashes >= self.before.policy.crashes_max {
            return self.quarantined(failure.clone());
        }
        self.record(Transition::Panicked, Some(&failure.message));
        let wait = self.before.policy.delay(self.before.id, self.next.counts.crashes);
        self.retries_after(wait)
    }

    fn retries_after(mut self, wait: Duration) -> Decision {
        self.effects.reset = self.before.policy.resume == Resume::FromTheStart;
        let due = self.now.after(wait);
        self.waits(State::Retrying { due })
    }

    /// A shutdown counts against nothing. A suspect stays one: that it was stopped in good order proves nothing.
    fn interrupted(mut self, why: &str) -> Decision {
        self.next.last_end = LastEnd::Interrupted;
        self.next.counts.interruptions += 1;
        if !self.before.progressed {
            self.next.counts.restarts_without_progress += 1;
        }
        self.record(Transition::Interrupted, Some(why));
        self.waits_again()
    }
}
