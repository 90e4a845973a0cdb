//! Ends an executor: no new claims, attempts suspended, everything kept.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use longhaul_core::{Kind, Progress, RunId, Timestamp};

use super::{attempts::RunningAttempt, conclude, executor::Executor};
use crate::{
    attempt::StopReason,
    clock,
    end::AttemptEnd,
    hooks::Lifecycle,
    service::{DROPPING, NotStopped},
};

/// How long the settlements and the loops get after the attempts have ended, in real time. It is there so that a store
/// that hangs cannot hold up a shutdown for ever.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// What a shutdown did.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let server = longhaul::doc::server();
/// let report = server.shutdown(std::time::Duration::from_secs(5)).await;
/// for run in &report.blocked {
///     eprintln!("{} ({}) blocks a thread, at {} of {:?}", run.id, run.kind, run.progress.done, run.progress.total);
/// }
/// assert_eq!(report, longhaul::ShutdownReport::default());
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Runs that were executing when the shutdown began, with how far they were then. They go on in the next process,
    /// unless they ended within the grace.
    pub suspended: Vec<StoppedRun>,
    /// Those of them that did not stop within the grace and were dropped where they stood.
    pub dropped: Vec<StoppedRun>,
    /// Those of them that could not even be dropped, because they block a thread: look for calls that block outside of
    /// [`Context::blocking`](crate::Context::blocking), or for loops within it that never look whether to stop. What
    /// they write from now on is refused.
    pub blocked: Vec<StoppedRun>,
    /// Services that did not stop in time, those first that were told first.
    pub services: Vec<NotStopped>,
    /// Work in the [background](crate::Background) that did not end within the grace. It is lost.
    pub background: Vec<NotStopped>,
}

/// A run that a shutdown stopped.
///
/// ```
/// use longhaul::StoppedRun;
///
/// fn told(runs: &[StoppedRun]) -> Vec<String> {
///     runs.iter().map(|run| format!("{} goes on at {}", run.id, run.progress.done)).collect()
/// }
/// assert!(told(&[]).is_empty());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoppedRun {
    /// The run.
    pub id: RunId,
    /// Its kind.
    pub kind: Kind,
    /// How far it was, as it told last.
    pub progress: Progress,
}

impl From<&RunningAttempt> for StoppedRun {
    fn from(RunningAttempt { attempt, .. }: &RunningAttempt) -> Self {
        Self { id: attempt.id, kind: attempt.kind.clone(), progress: attempt.progress() }
    }
}

impl Executor {
    /// Stops claiming, stops the services, tells all attempts and all work in the background, waits for all that until
    /// `grace` has passed, drops what is left, and waits until everything is kept. Leases are renewed until the end.
    pub(crate) async fn shut_down(self: &Arc<Self>, grace: Duration) -> ShutdownReport {
        self.stop_in_order(grace, grace).await
    }

    /// The same when nothing can be kept any more, so that there is nothing to wait for with the attempts.
    pub(crate) async fn shut_down_broken(self: &Arc<Self>, grace: Duration) -> ShutdownReport {
        self.stop_in_order(grace, Duration::ZERO).await
    }

    async fn stop_in_order(self: &Arc<Self>, grace: Duration, for_attempts: Duration) -> ShutdownReport {
        let began = self.clock.now();
        let (deadline, of_attempts) = (began.after(grace), began.after(for_attempts));
        // Boxed, since all of it together is large, and those who call hold more than one of it.
        let server = self.server();
        self.reports.tell(|| Lifecycle::ServerStopping { server });
        let all = Box::pin(async {
            // Whatever comes first, work in the background has the whole grace.
            self.companions.background.close();
            self.stop_claiming().await;
            let suspended = self.still_held();
            let services = self.companions.services.stop(deadline).await;
            let runs = self.stop_attempts(of_attempts);
            let (runs, background) = tokio::join!(runs, self.companions.background.end(&*self.clock, deadline));
            self.finish().await;
            self.reports.server_stopped(self.server(), &self.settings.name, &self.attempts.running());
            ShutdownReport { suspended, services, background, ..runs }
        });
        self.companions.systemd.stopping(&*self.clock, all).await
    }

    async fn stop_claiming(&self) {
        self.life.stopping.cancel();
        self.loops.intake.close();
        if clock::within(LAST_WRITES, self.loops.intake.wait()).await.is_none() {
            tracing::warn!("claiming did not end in time");
        }
    }

    async fn stop_attempts(&self, deadline: Timestamp) -> ShutdownReport {
        self.attempts.stop_all(&StopReason::Shutdown);
        let mut report = ShutdownReport::default();
        let in_time = tokio::select! {
            () = self.attempts.until_settled() => true,
            () = clock::sleep_until(&*self.clock, deadline) => false,
        };
        let late: Vec<RunningAttempt> = if in_time { Vec::new() } else { self.attempts.running() };
        report.dropped = late.iter().map(Into::into).collect();
        self.exit.drop_attempts.cancel();
        if clock::within(DROPPING, self.attempts.until_settled()).await.is_none() {
            // The others wait for the store, which is not their fault.
            let blocked = self.attempts.running_where(|attempt| !attempt.has_returned());
            report.blocked = blocked.iter().map(Into::into).collect();
            // What the store does not take now goes on from its last checkpoint.
            let _ = clock::within(LAST_WRITES, self.settle_from_outside(blocked)).await;
        }
        // Their futures are gone, but the threads that they waited for are not.
        let blocking = |running: &&RunningAttempt| {
            running.attempt.has_returned() && running.attempt.blocking.load(Ordering::Acquire) > 0
        };
        report.blocked.extend(late.iter().filter(blocking).map(Into::into));
        for run in &report.blocked {
            tracing::error!(run.id = %run.id, run.kind = %run.kind, "blocks a thread and cannot be stopped");
        }
        report
    }

    fn still_held(&self) -> Vec<StoppedRun> {
        let mut runs: Vec<StoppedRun> = self.attempts.running().iter().map(Into::into).collect();
        runs.sort_by_key(|run| run.id);
        runs
    }

    /// Attempts that hold their thread cannot conclude themselves; their execution metadata is ours as well, so it is
    /// kept all the same.
    async fn settle_from_outside(&self, blocked: Vec<RunningAttempt>) {
        for RunningAttempt { attempt, values } in blocked {
            let done = conclude::conclude(attempt, &*values, AttemptEnd::dropped(), self.exit.abandonment()).await;
            self.settling.push(done).await;
        }
        self.attempts.until_settled().await;
    }

    async fn finish(&self) {
        self.exit.finished.cancel();
        self.loops.others.close();
        if clock::within(LAST_WRITES, self.loops.others.wait()).await.is_none() {
            tracing::warn!("some loops did not end in time");
        }
        self.leave().await;
        self.exit.over.end();
    }

    /// Nothing waits on this server any more. Its id is given back, and the store is closed if nobody else has it.
    pub(super) async fn leave(&self) {
        self.life.stopped.cancel();
        if self.broken().is_none() {
            match clock::within(LAST_WRITES, self.store.leave(self.server())).await {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::warn!(%error, "could not deregister from the store"),
                None => tracing::warn!("could not deregister from the store in time"),
            }
        }
        if self.settings.owns_store
            && !self.store.is_shared()
            && clock::within(LAST_WRITES, self.store.close()).await.is_none()
        {
            tracing::warn!("the store did not close in time");
        }
    }
}
