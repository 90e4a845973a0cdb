//! What the end of an attempt means for its run, given why the attempt was told to stop.

use std::sync::Arc;

use longhaul_core::{Cause, Ending, StateKind, run::Due, store::Settlement};

use super::{exit::Abandonment, finished::Finished};
use crate::{
    attempt::{Attempt, Capture, FinalState, LimitKeyHold, StopReason},
    end::{AttemptEnd, EndKind, unstamped},
};

/// Ends the attempt for its context, and says what the store is to apply. `end`: how the user's code ended.
pub(crate) async fn conclude(
    attempt: Arc<Attempt>,
    values: &dyn Capture,
    end: AttemptEnd,
    abandonment: Option<Abandonment>,
) -> Finished {
    attempt.stop_times();
    // `close` sets a reason of its own.
    let reason = attempt.stop_reason().cloned();
    if let Some(settled) = attempt.settled().cloned() {
        if end.kind() != EndKind::Completed {
            tracing::warn!(
                run.id = %attempt.id, end = %end.kind(), message = end.message(),
                "the task ended otherwise after its success was kept; the run stays as it is"
            );
        }
        return already_settled(attempt, settled);
    }
    let hold = end.limit_key_hold().and_then(|(wait, why)| hold(&attempt, wait, why));
    let (is_dropped, ending) = (end.is_dropped(), end.into_ending());
    // Success and suspension acknowledge what the task took from its inbox; after any other end it is delivered again.
    if let Some(Ending::Completed { .. } | Ending::Suspended { .. } | Ending::Awaits { .. }) = &ending {
        values.account();
    }
    let state = attempt.close(Some(values)).await;
    let ending = Stopping { attempt: &attempt, reason, abandonment }.ending(ending, is_dropped);
    Finished { hold, ..finished(attempt, ending, state) }
}

/// The pause that a failure asks for.
fn hold(attempt: &Attempt, wait: std::time::Duration, why: &str) -> Option<LimitKeyHold> {
    let hold = LimitKeyHold::of(attempt, attempt.clock.now().after(wait), why);
    if hold.is_none() {
        tracing::warn!(
            run.id = %attempt.id, run.kind = %attempt.kind,
            "a failure was to hold the limit key of its run, which has none: only this run waits"
        );
    }
    hold
}

/// The same for an attempt whose future nobody polls any more: nothing is waited for.
pub(super) fn conclude_dropped(
    attempt: Arc<Attempt>,
    values: &dyn Capture,
    abandonment: Option<Abandonment>,
) -> Finished {
    attempt.stop_times();
    let reason = attempt.stop_reason().cloned();
    if let Some(settled) = attempt.settled().cloned() {
        return already_settled(attempt, settled);
    }
    let state = attempt.close_at_once(Some(values));
    let ending = Stopping { attempt: &attempt, reason, abandonment }.ending(None, true);
    finished(attempt, ending, state)
}

/// The success of the attempt was kept in a transaction of the user's.
fn already_settled(attempt: Arc<Attempt>, (settlement, state): (Settlement, StateKind)) -> Finished {
    // Its context may outlive it: let it see the end.
    attempt.close_at_once(None);
    Finished { attempt, settlement: Some(settlement), kept: Some(state), hold: None }
}

/// The task never began.
pub(super) fn unstarted(attempt: Arc<Attempt>, ending: Ending) -> Finished {
    attempt.stop_times();
    finished(attempt, Some(ending), FinalState::default())
}

fn finished(attempt: Arc<Attempt>, ending: Option<Ending>, state: FinalState) -> Finished {
    let FinalState { execution_metadata, taken, progress, refused } = state;
    let ending = match refused {
        Some(why) if ending.is_some() => Some(refused_value(&why)),
        _ => ending,
    };
    let settlement = ending.map(|ending| Settlement {
        id: attempt.id,
        epoch: attempt.epoch,
        ending: stamped(ending, &attempt),
        execution_metadata,
        taken,
        progress,
    });
    Finished { attempt, settlement, kept: None, hold: None }
}

/// Why an attempt stops, if it does.
struct Stopping<'a> {
    attempt: &'a Attempt,
    reason: Option<StopReason>,
    abandonment: Option<Abandonment>,
}

impl Stopping<'_> {
    /// `None`: the claim is lost, so there is nothing to tell the store.
    fn ending(self, returned: Option<Ending>, is_dropped: bool) -> Option<Ending> {
        match returned {
            // A task that fails while its server shuts down mostly fails because of that: its connections are closed, its
            // helpers are gone. If the failure is real, it comes again in the next process, and is counted there.
            Some(Ending::Failed { failure, permanent: false, .. })
                if matches!(self.reason, Some(StopReason::Shutdown | StopReason::StoreBroken { .. })) =>
            {
                let why = format!("{}; the task failed while it stopped: {}", self.server_end(), failure.message);
                Some(Ending::Interrupted { why: why.into() })
            }
            Some(ending) => Some(ending),
            None if !is_dropped => self.stopped("the task stopped on request"),
            None if self.abandonment.is_some() => self.stopped("the attempt was dropped with it"),
            None => self.stopped("the attempt did not stop in time and was dropped"),
        }
    }

    /// It stopped because it was told to: `how`, for people.
    fn stopped(self, how: &str) -> Option<Ending> {
        let server_end = self.server_end();
        Some(match self.reason {
            Some(StopReason::Shutdown) => Ending::Interrupted { why: format!("{server_end}: {how}").into() },
            Some(StopReason::StoreBroken { error }) => Ending::Interrupted { why: error.to_string().into() },
            Some(StopReason::Cancelled { reason }) => Ending::Cancelled { reason, error: None },
            Some(StopReason::Suspended { .. }) => {
                Ending::Interrupted { why: format!("suspension requested: {how}").into() }
            }
            Some(StopReason::Sleeping { until }) => Ending::Suspended { until: Some(Due::At(until)), deadline: None },
            Some(StopReason::Timeout) => {
                let limit = self.attempt.timeout.unwrap_or_default();
                failed(Cause::Timeout, &format!("the attempt exceeded its timeout of {limit:?}: {how}"), false)
            }
            Some(StopReason::Refused { why }) => refused_value(&why),
            Some(StopReason::Uncommitted) => {
                failed(Cause::Error, "it is not known whether a transaction of the task was committed", false)
            }
            Some(StopReason::Unreadable { why }) => Ending::Incompatible { why, by: self.attempt.mark() },
            Some(StopReason::ClaimLost) => return None,
            None => failed(Cause::Error, "the task returned `Stopped` without having been told to stop", false),
        })
    }

    /// How the server ends, for people.
    fn server_end(&self) -> &'static str {
        self.abandonment.map_or("shutdown", Abandonment::as_str)
    }
}

/// A value of the task cannot be kept. Another attempt would come to the same end, so none follows.
fn refused_value(why: &str) -> Ending {
    failed(Cause::Error, why, true)
}

fn failed(cause: Cause, message: &str, permanent: bool) -> Ending {
    Ending::Failed { failure: unstamped(cause, message), retry_after: None, permanent }
}

/// A failure names its attempt and its time from here on.
fn stamped(mut ending: Ending, attempt: &Attempt) -> Ending {
    if let Ending::Failed { failure, .. } | Ending::Panicked { failure } = &mut ending {
        (failure.attempt, failure.at) = (attempt.number, attempt.clock.now());
    }
    ending
}
