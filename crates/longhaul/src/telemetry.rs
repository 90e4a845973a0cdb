//! Everything that longhaul tells through `tracing`, in one place.
//!
//! | name | what | fields |
//! | --- | --- | --- |
//! | span `run.execute` | one attempt, while the user's code runs | `run.id` `run.kind` `run.queue` `run.attempt` `run.resumed` `server`, and `trace.parent` if the enqueuer gave one |
//! | span `service.run` | one service, from its start to its end | `service` |
//! | span `background.run` | work that was spawned | `background` |
//! | event `run.settled`, debug | an attempt's end is kept | `run.id` `run.attempt` `run.state` |

use longhaul_core::{ServerId, StateKind, store::Settlement};
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
        run.attempt = attempt.epoch.0,
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

pub(crate) fn settled(settlement: &Settlement, state: StateKind) {
    tracing::debug!(
        run.id = %settlement.id,
        run.attempt = settlement.epoch.0,
        run.state = state.as_str(),
        "run.settled"
    );
}
