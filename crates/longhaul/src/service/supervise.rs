//! The life of one service.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    ServiceState,
    cell::Cell,
    erased::{Erased, UserFuture},
    options::Next,
};
use crate::{
    clock,
    panics::{self, CatchPanic},
    telemetry,
};

/// How long `stop` may take before a restart, outside of a shutdown: a restart waits for the release of resources, but
/// not forever.
const STOP_BEFORE_RESTART: Duration = Duration::from_secs(30);

/// How one life of a service ended.
enum Ended {
    Returned,
    Failed(String),
    /// It was told to stop, and is gone.
    Gone,
}

/// Starts the service when its turn has come, and again as its policy says, until it is told to stop. `started` becomes
/// cancelled when the next one may start.
pub(super) async fn supervise(
    cell: Arc<Cell>,
    service: Box<dyn Erased>,
    before: CancellationToken,
    started: CancellationToken,
) {
    let _ended = cell.ended.clone().drop_guard();
    // Dropped before that guard: when the service has ended, nothing of it is left, whoever still looks at its state.
    let service = service;
    tokio::select! {
        () = before.cancelled() => {}
        () = cell.told.cancelled() => return cell.tell(ServiceState::Stopped),
    }
    let span = telemetry::service_span(&cell.name());
    live(&cell, &*service, &started).instrument(span).await;
}

async fn live(cell: &Cell, service: &dyn Erased, started: &CancellationToken) {
    let mut in_a_row = 0;
    loop {
        let began = cell.board.clock.now();
        let ended = once(cell, service, started).await;
        let message = match ended {
            Ended::Gone => return cell.tell(ServiceState::Stopped),
            Ended::Returned if cell.told.is_cancelled() || cell.options.restart.is_done_when_it_returns() => {
                return cell.tell(ServiceState::Stopped);
            }
            Ended::Returned => "it returned without being told to stop".to_owned(),
            Ended::Failed(message) => message,
        };
        cell.note(&message);
        if cell.told.is_cancelled() {
            tracing::warn!(error = message, "a service failed while it stopped");
            return cell.tell(ServiceState::Stopped);
        }
        if cell.options.restart.ran_well(cell.board.clock.now().since(began)) {
            in_a_row = 0;
        }
        in_a_row += 1;
        let Next::Again(wait) = cell.options.restart.next(in_a_row) else {
            cell.fail(message);
            return pass(cell, started);
        };
        let until = cell.board.clock.now().after(wait);
        tracing::warn!(error = message, %until, "a service failed, and starts again");
        cell.tell(ServiceState::BackingOff { until });
        pass(cell, started);
        tokio::select! {
            () = clock::elapse(&*cell.board.clock, until.since(cell.board.clock.now())) => {}
            () = cell.told.cancelled() => return cell.tell(ServiceState::Stopped),
        }
        cell.count_restart();
    }
}

/// Nobody waits for one that has failed, unless the server is of no use without it.
fn pass(cell: &Cell, started: &CancellationToken) {
    if !cell.options.essential {
        started.cancel();
    }
}

/// Start, run, stop.
async fn once(cell: &Cell, service: &dyn Erased, started: &CancellationToken) -> Ended {
    cell.tell(ServiceState::Starting);
    let starting = guarded(cell, "start", service.start(), Some(cell.options.start_within));
    let start = tokio::select! {
        biased;
        // Told to stop before it has started: there is nothing to wait for.
        () = cell.told.cancelled() => Ended::Gone,
        ended = starting => ended,
    };
    let Ended::Returned = start else { return start };
    cell.tell(ServiceState::Running);
    started.cancel();
    let ran = guarded(cell, "run", service.run(cell.told.child_token(), cell), None).await;
    let limit = (!cell.told.is_cancelled()).then_some(STOP_BEFORE_RESTART);
    match (ran, guarded(cell, "stop", service.stop(), limit).await) {
        (Ended::Returned, stopped) => stopped,
        (ran, Ended::Failed(message)) => {
            tracing::warn!(error = message, "a service that had ended badly could not be stopped either");
            ran
        }
        (ran, _) => ran,
    }
}

/// Polls a service's own code: what it panics of is caught, and it is dropped when its time is over.
async fn guarded(cell: &Cell, what: &str, future: UserFuture<'_>, limit: Option<Duration>) -> Ended {
    let mut user = CatchPanic(future);
    let too_long = async {
        match limit {
            Some(limit) => clock::elapse(&*cell.board.clock, limit).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        biased;
        out = &mut user => match out {
            Ok(Ok(())) => Ended::Returned,
            Ok(Err(error)) => Ended::Failed(error.to_string()),
            Err(caught) => {
                tracing::error!(panic = caught.message, details = caught.details, "`{what}` of a service panicked");
                Ended::Failed(format!("`{what}` panicked: {}", caught.message))
            }
        },
        () = cell.over.cancelled() => {
            cell.drop_noted();
            Ended::Gone
        }
        () = too_long => Ended::Failed(format!("`{what}` took longer than {:?}", limit.unwrap_or_default())),
    };
    // What it holds is dropped here, and may panic as well.
    if let Err(caught) = panics::catch(|| drop(user)) {
        tracing::error!(panic = caught.message, details = caught.details, "a service panicked while it was dropped");
    }
    ended
}
