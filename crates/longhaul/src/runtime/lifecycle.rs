//! Tells hooks what becomes of attempts.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use longhaul_core::{
    Cause, Ending, StateKind, Timestamp,
    store::{Settled, Settlement},
};

use super::Executor;
use crate::{
    attempt::Attempt,
    hooks::{AttemptEnded, AttemptLost, AttemptStarted, Lifecycle, RunFinal},
    layer::How,
    telemetry::metrics,
};

/// When an attempt started and ended, if anybody listens.
#[derive(Default)]
pub(crate) struct AttemptTimes {
    started: OnceLock<Timestamp>,
    took: OnceLock<Duration>,
    /// Its end was told, or that it was lost.
    told: AtomicBool,
}

impl AttemptTimes {
    /// Whether it was not known before.
    fn end(&self, now: Timestamp) -> bool {
        if let Some(started) = self.started.get() {
            return self.took.set(now.since(*started)).is_ok();
        }
        false
    }

    /// How long it took, for the one who tells the end.
    fn to_be_told(&self) -> Option<Duration> {
        let started = self.started.get().is_some();
        (started && !self.told.swap(true, Ordering::AcqRel)).then(|| self.took.get().copied().unwrap_or_default())
    }
}

impl Executor {
    /// A claimed run has come to a slot.
    pub(super) fn started(&self, attempt: &Attempt, due: Timestamp) {
        if !self.hooks.are_there() {
            return;
        }
        let now = attempt.clock.now();
        let _ = attempt.course.started.set(now);
        metrics::entered(attempt);
        self.hooks.tell(|| {
            Lifecycle::AttemptStarted(AttemptStarted {
                run: attempt.id,
                kind: attempt.kind.clone(),
                queue: attempt.queue.clone(),
                number: attempt.number,
                resumed_from: attempt.resumed_from,
                waited: now.since(due),
            })
        });
    }

    /// The store has kept how it ended.
    pub(super) async fn kept(&self, attempt: &Attempt, settlement: &Settlement, answer: Settled) {
        if !self.hooks.are_there() {
            return;
        }
        let next = match answer {
            Settled::Now(state) => state,
            // The answer to the first call was lost, but the run is as that left it.
            Settled::Already => match self.store.get(attempt.id).await {
                Ok(there) if there.run.epoch == attempt.epoch => there.run.state.kind(),
                Ok(_) | Err(_) => return,
            },
        };
        self.tell_end(attempt, &settlement.ending, next);
    }

    fn tell_end(&self, attempt: &Attempt, ending: &Ending, next: StateKind) {
        let Some(took) = attempt.course.to_be_told() else { return };
        let (how, message) = told(ending);
        let (run, kind, queue) = (attempt.id, attempt.kind.clone(), attempt.queue.clone());
        self.hooks.tell(|| {
            let message = message.map(Into::into);
            Lifecycle::AttemptEnded(AttemptEnded { run, kind, queue, number: attempt.number, how, next, took, message })
        });
        if next.is_final() {
            let (kind, queue) = (attempt.kind.clone(), attempt.queue.clone());
            let attempts = attempt.number;
            if self.hooks.are_of_the_user() {
                self.told_ends.add(run);
            }
            self.hooks.tell(|| Lifecycle::RunFinal(RunFinal { run, kind, queue, state: next, attempts }));
        }
    }

    /// The store was asked, or will not be asked any more: whose end it did not confirm is lost.
    pub(super) fn lost_unless_kept(&self, attempt: &Attempt) {
        let Some(took) = attempt.course.to_be_told() else { return };
        let (run, kind, queue) = (attempt.id, attempt.kind.clone(), attempt.queue.clone());
        self.hooks.tell(|| Lifecycle::AttemptLost(AttemptLost { run, kind, queue, number: attempt.number, took }));
    }
}

impl Executor {
    /// Nothing is told after this. Attempts whose end the store has not confirmed by now, because it hangs or they hold
    /// their thread, are lost.
    pub(super) fn stopped(&self) {
        let held: Vec<_> = self.held().values().map(|held| held.attempt.clone()).collect();
        for attempt in held {
            attempt.ended();
            self.lost_unless_kept(&attempt);
        }
        let server = self.server();
        metrics::slots(&self.settings.name, 0);
        self.hooks.tell(|| Lifecycle::ServerStopped { server });
        self.hooks.close();
    }
}

impl Attempt {
    /// The user's code is done with; what remains is to tell the store.
    pub(crate) fn ended(&self) {
        if self.course.end(self.clock.now()) {
            metrics::left(self);
        }
    }
}

/// How it ended, and what is said of it.
fn told(ending: &Ending) -> (How, Option<&str>) {
    match ending {
        Ending::Completed { .. } => (How::Completed, None),
        Ending::Suspended { .. } => (How::Suspended, None),
        Ending::Failed { failure, .. } if failure.cause == Cause::Timeout => (How::TimedOut, Some(&failure.message)),
        Ending::Failed { failure, .. } => (How::Failed, Some(&failure.message)),
        Ending::Panicked { failure } => (How::Panicked, Some(&failure.message)),
        Ending::Cancelled { reason, .. } => (How::Cancelled, reason.as_deref()),
        Ending::Interrupted { why } => (How::Interrupted, Some(why)),
        Ending::Incompatible { why, .. } => (How::Incompatible, Some(why)),
        Ending::Returned => (How::Returned, None),
    }
}
