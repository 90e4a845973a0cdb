//! Everything that longhaul tells through `tracing`, and counts through `metrics`, in one place.
//!
//! | name | what | fields |
//! | --- | --- | --- |
//! | span `run.execute` | one attempt, while the user's code runs | `run.id` `run.kind` `run.queue` `run.attempt` `run.resumed` `server`, and `trace.parent` if the enqueuer gave one |
//! | span `service.run` | one service, from its start to its end | `service` |
//! | span `background.run` | work that was spawned | `background` |
//! | event `run.settled`, debug | an attempt's end is kept | `run.id` `run.attempt` `run.state` |
//!
//! With the feature `metrics`, these go to the recorder that the program has installed; see
//! `telemetry::metrics`.
//!
//! | metric | is a | in | by | tells |
//! | --- | --- | --- | --- | --- |
//! | `longhaul_enqueued_total` | counter | runs | `kind` `queue` | runs that this process enqueued, its schedules' among them |
//! | `longhaul_attempts_started_total` | counter | attempts | `kind` `queue` | attempts that started on this server |
//! | `longhaul_attempts_ended_total` | counter | attempts | `kind` `queue` `how` | attempts whose end is kept, by how they ended |
//! | `longhaul_attempts_lost_total` | counter | attempts | `kind` `queue` | attempts whose end the store has not confirmed |
//! | `longhaul_retries_total` | counter | attempts | `kind` `queue` | attempts after which the run is tried again |
//! | `longhaul_crashes_total` | counter | attempts | `kind` `queue` | attempts that go on after a crash or a panic of the one before |
//! | `longhaul_checkpoints_total` | counter | checkpoints | `kind` `queue` | saves of execution metadata during attempts, autosaves among them |
//! | `longhaul_running` | gauge | attempts | `kind` `queue` | attempts that execute on this server |
//! | `longhaul_slots` | gauge | attempts | `server` | attempts that the server of this name may execute at once |
//! | `longhaul_queue_due` | gauge | runs | `queue` | runs of the store that are due and wait, looked at every 15 s |
//! | `longhaul_queue_oldest_seconds` | gauge | seconds | `queue` | how long the one of them has been due that has waited longest |
//! | `longhaul_wait_seconds` | histogram | seconds | `kind` `queue` | from when a run was due to the start of its attempt |
//! | `longhaul_attempt_seconds` | histogram | seconds | `kind` `queue` | from the start of an attempt to its end |
//! | `longhaul_checkpoint_seconds` | histogram | seconds | `kind` `queue` | how long a save took |

#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "telemetry/no_metrics.rs"]
pub(crate) mod metrics;

use longhaul_core::{Ending, ServerId, StateKind, store::Settlement};
use tracing::Span;

use crate::attempt::{Attempt, ResumedFrom};

/// The span of an attempt. The layer of [`RunLogs`](crate::RunLogs) knows attempts by it.
#[cfg(feature = "logs")]
pub(crate) const EXECUTE: &str = "run.execute";

pub(crate) fn execute_span(attempt: &Attempt, server: ServerId) -> Span {
    tracing::info_span!(
        "run.execute",
        run.id = %attempt.id,
        run.kind = %attempt.kind,
        run.queue = %attempt.queue,
        run.attempt = attempt.number,
        run.resumed = attempt.resumed_from != ResumedFrom::Fresh,
        server = %server,
        trace.parent = attempt.trace.as_deref(),
    )
}

pub(crate) fn service_span(name: &str) -> Span {
    tracing::info_span!("service.run", service = name)
}

pub(crate) fn background_span(name: &str) -> Span {
    tracing::info_span!("background.run", background = name)
}

/// The store has kept how an attempt ended. What a person has to do something about is told as a warning.
pub(crate) fn settled(attempt: &Attempt, settlement: &Settlement, state: StateKind) {
    tracing::debug!(
        run.id = %attempt.id,
        run.attempt = attempt.number,
        run.state = state.as_str(),
        "run.settled"
    );
    let (run, kind) = (settlement.id, &attempt.kind);
    match (&settlement.ending, state) {
        (Ending::Incompatible { why, .. }, StateKind::Incompatible) => tracing::warn!(
            run.id = %run, run.kind = %kind, reason = %why,
            "a run was parked as incompatible: it goes on when a server starts whose code reads its values"
        ),
        (Ending::Failed { failure, .. } | Ending::Panicked { failure }, StateKind::Failed) => tracing::warn!(
            run.id = %run, run.kind = %kind, run.attempt = attempt.number, reason = %failure.message,
            "a run failed for good: once the reason is mended, retry it by hand"
        ),
        _ => {}
    }
}
