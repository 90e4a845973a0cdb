//! What hooks and metrics are told of attempts and of the server.

use longhaul_core::{ServerId, StateKind, Timestamp};

use super::{attempts::RunningAttempt, finished::Finished, reported_ends::ReportedEnds};
use crate::{
    attempt::Attempt,
    hooks::{AttemptEnded, AttemptLost, AttemptStarted, Hooks, Lifecycle, RunFinal},
    telemetry::metrics,
};

pub(super) struct Reports {
    hooks: Hooks,
    /// Runs whose end was told with that of their attempt.
    pub(super) ends: ReportedEnds,
}

impl Reports {
    pub(super) fn new(hooks: Hooks) -> Self {
        Self { hooks, ends: ReportedEnds::default() }
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> Lifecycle) {
        self.hooks.tell(event);
    }

    /// Whether a hook of the user, or a metric, asks for them.
    pub(super) fn are_wanted(&self) -> bool {
        self.hooks.are_there()
    }

    pub(super) fn are_wanted_by_the_user(&self) -> bool {
        self.hooks.are_of_the_user()
    }

    /// Nothing is told from now on.
    pub(super) fn close(&self) {
        self.hooks.close();
    }

    /// A claimed run has come to a slot.
    pub(super) fn started(&self, attempt: &Attempt, due: Timestamp) {
        if !self.are_wanted() {
            return;
        }
        let now = attempt.clock.now();
        attempt.times.start(now);
        metrics::entered(&attempt.kind, &attempt.queue);
        self.tell(|| {
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

    /// The settling of an attempt is over. `next`: the state that its run came to; `None`: the store did not confirm the
    /// end, so it is lost.
    pub(super) fn settled(&self, Finished { attempt, settlement, .. }: &Finished, next: Option<StateKind>) {
        let (Some(settlement), Some(next)) = (settlement, next) else { return self.lost(attempt) };
        let Some(took) = attempt.times.take() else { return };
        let (run, kind, queue, number) = (attempt.id, &attempt.kind, &attempt.queue, attempt.number);
        self.tell(|| {
            let (kind, queue, end) = (kind.clone(), queue.clone(), settlement.ending.clone().into());
            Lifecycle::AttemptEnded(AttemptEnded { run, kind, queue, number, end, next, took })
        });
        if next.is_final() {
            if self.are_wanted_by_the_user() {
                self.ends.add(run);
            }
            self.tell(|| {
                let (kind, queue) = (kind.clone(), queue.clone());
                Lifecycle::RunFinal(RunFinal { run, kind, queue, state: next, attempts: number })
            });
        }
    }

    /// The store did not confirm the end of this attempt.
    fn lost(&self, attempt: &Attempt) {
        let Some(took) = attempt.times.take() else { return };
        let (run, kind, queue) = (attempt.id, attempt.kind.clone(), attempt.queue.clone());
        self.tell(|| Lifecycle::AttemptLost(AttemptLost { run, kind, queue, number: attempt.number, took }));
    }

    /// The server has stopped: nothing is told after this. Attempts whose end the store has not confirmed by now,
    /// because it hangs or they block a thread, are lost.
    pub(super) fn server_stopped(&self, server: ServerId, name: &str, running: &[RunningAttempt]) {
        for RunningAttempt { attempt, .. } in running {
            attempt.stop_times();
            self.lost(attempt);
        }
        metrics::slots(name, 0);
        self.tell(|| Lifecycle::ServerStopped { server });
        self.close();
    }
}
