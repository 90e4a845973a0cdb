//! Executes one attempt.

use std::{pin::pin, sync::Arc};

use longhaul_core::{Ending, Run, ServerId, admission::Isolation, name::Tag, store::Claimed};
use tracing::Instrument;

use super::{attempts::RunningAttempt, conclude, executor::Executor, finished::Finished};
use crate::{
    attempt::{Attempt, StopReason},
    clock,
    end::AttemptEnd,
    layer::{Execution, UserFuture},
    panics::{self, CatchPanic},
    registry::Prepared,
    telemetry,
};

/// Resolve, perform, conclude.
pub(super) async fn run(executor: &Executor, claimed: Claimed) -> Finished {
    let attempt = executor.attempt(&claimed);
    warn_of(&claimed.run, executor.server());
    executor.reports.started(&attempt, claimed.due);
    let prepared = match resolve(executor, &claimed, &attempt) {
        Ok(prepared) => prepared,
        Err(ending) => return conclude::unstarted(attempt, ending),
    };
    let (claimed_as, tags) = (claimed.run.state.clone(), claimed.run.tags.clone());
    drop(claimed);
    let values = prepared.values.clone();
    executor.attempts.register(RunningAttempt { attempt: attempt.clone(), values: values.clone() }, &claimed_as);
    // Those who stop all attempts may have looked just before this one was registered.
    if executor.life.stopping.is_cancelled() {
        attempt.stop(StopReason::Shutdown);
    }
    let span = telemetry::execute_span(&attempt, executor.server());
    let end = perform(executor, &attempt, layered(executor, &attempt, tags, prepared)).instrument(span).await;
    attempt.set_returned();
    conclude::conclude(attempt, &*values, end, executor.exit.abandonment()).await
}

/// Tells people what is held back because processes died with this run.
fn warn_of(run: &Run, server: ServerId) {
    let held_back = match Isolation::of(run) {
        Isolation::None => return,
        Isolation::Suspect => "no other such run starts on this server",
        Isolation::LastTry => "nothing else starts on this server",
    };
    tracing::warn!(
        run.id = %run.id, run.kind = %run.kind, run.attempt = run.attempt(), %server, deaths = run.suspicion,
        "a run starts that may have killed its process before: until it has saved something or ended, for 10 s at \
         most, {held_back}"
    );
}

fn resolve(executor: &Executor, claimed: &Claimed, attempt: &Arc<Attempt>) -> Result<Prepared, Ending> {
    // A store hands out only what was asked for; a kind that is not registered goes back untouched.
    let task = executor.registry.resolve(&claimed.run.kind).ok_or(Ending::Returned)?;
    let incompatible = |why: String| Ending::Incompatible { why: why.into(), by: task.mark() };
    match panics::catch(|| task.prepare(claimed, attempt, !executor.layers.is_empty())) {
        Ok(prepared) => prepared.map_err(incompatible),
        Err(caught) => Err(incompatible(format!("reading the values panicked: {}", caught.message))),
    }
}

/// The task's future, with the layers around it.
fn layered(executor: &Executor, attempt: &Arc<Attempt>, tags: Arc<[Tag]>, prepared: Prepared) -> UserFuture<'static> {
    let Prepared { asked, task, future, .. } = prepared;
    if executor.layers.is_empty() {
        return future;
    }
    executor.layers.around(Execution::new(attempt.clone(), tags, task, asked), future)
}

/// Executes the user's code, and drops it if it was told to stop and did not stop in time.
async fn perform(executor: &Executor, attempt: &Attempt, user: UserFuture<'static>) -> AttemptEnd {
    let mut user = CatchPanic(user);
    let end = {
        let mut dropped = pin!(until_dropped(executor, attempt));
        tokio::select! {
            biased;
            out = &mut user => out.unwrap_or_else(|caught| AttemptEnd::panicked(&caught)),
            () = &mut dropped => AttemptEnd::dropped(),
        }
    };
    // What the task holds is dropped here, and may panic as well.
    match panics::catch(|| drop(user)) {
        Err(caught) if end.is_dropped() => AttemptEnd::panicked(&caught),
        _ => end,
    }
}

/// Ends when the attempt was told to stop and has not stopped in time.
async fn until_dropped(executor: &Executor, attempt: &Attempt) {
    match attempt.timeout {
        None => attempt.token().cancelled().await,
        Some(limit) => tokio::select! {
            () = attempt.token().cancelled() => {}
            () = clock::sleep(&*executor.clock, limit) => attempt.stop(StopReason::Timeout),
        },
    }
    let ends_with_the_server =
        matches!(attempt.stop_reason(), Some(StopReason::Shutdown | StopReason::StoreBroken { .. }));
    tokio::select! {
        () = executor.exit.drop_attempts.cancelled() => {}
        () = clock::sleep(&*executor.clock, executor.settings.stop_deadline), if !ends_with_the_server => {}
    }
}
