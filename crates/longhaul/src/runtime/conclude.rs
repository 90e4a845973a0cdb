//! What an attempt's end means, by how the user's code ended and why it was told to stop.

use std::sync::Arc;

use longhaul_core::{Cause, Ending, Failure, store::Settlement};

use super::{Abandonment, settle::Finished};
use crate::{
    attempt::{Attempt, Capture, FinalState, StopReason},
    layer::{AttemptEnd, FailedEnd, What},
    outcome::{Suspension, When},
    panics::Caught,
    registry::refused,
};

/// How the user's code ended.
pub(crate) enum Performed {
    /// By itself.
    Ended(Ending),
    /// It followed a request to stop.
    Stopped,
    /// It was told to stop, did not in time, and was dropped.
    Dropped,
    /// It panicked.
    Panicked(Caught),
}

impl Performed {
    /// By itself, or by a layer, like this.
    pub(crate) fn by_itself(end: AttemptEnd, attempt: &Attempt) -> Self {
        let now = attempt.clock.now();
        Self::Ended(match end.what {
            What::Completed(result) => Ending::Completed { result },
            What::Suspended(Suspension { until, deadline }) => {
                let time = |when| match when {
                    When::At(time) => time.into(),
                    When::After(wait) => now.after(wait),
                };
                Ending::Suspended { until: until.map(time), deadline: deadline.map(time) }
            }
            What::Failed(FailedEnd { message, details, error, retry_after, permanent }) => {
                let mut failure = Failure::new(Cause::Error, &message, attempt.number, now);
                if let Some(details) = details {
                    failure = failure.with_details(&details);
                }
                failure.error = error;
                Ending::Failed { failure, retry_after, permanent }
            }
            What::Cancelled { reason, error } => Ending::Cancelled { reason: reason.map(Into::into), error },
            What::Stopped => return Self::Stopped,
        })
    }
}

/// The attempt never began.
pub(super) fn unstarted(attempt: Arc<Attempt>, ending: Ending) -> Finished {
    attempt.ended();
    let settlement = settlement(&attempt, ending, FinalState::default());
    Finished { attempt, settlement: Some(settlement) }
}

/// Ends the attempt for its context, and makes of `performed` what is told to the store.
pub(crate) async fn conclude(
    attempt: Arc<Attempt>,
    values: &dyn Capture,
    performed: Performed,
    abandonment: Option<Abandonment>,
) -> Finished {
    attempt.ended();
    let reason = attempt.stop_reason().cloned();
    // The task said that it is done with what it took; however else it ends, that is handed out again.
    if let Performed::Ended(Ending::Completed { .. } | Ending::Suspended { .. }) = &performed {
        values.account();
    }
    let words = attempt.close(Some(values)).await;
    finished(attempt, reason, words, performed, abandonment)
}

/// The end of an attempt that cannot conclude itself, since nobody moves its future on.
pub(super) fn dropped(attempt: Arc<Attempt>, values: &dyn Capture, abandonment: Option<Abandonment>) -> Finished {
    attempt.ended();
    let reason = attempt.stop_reason().cloned();
    let words = attempt.close_at_once(Some(values));
    finished(attempt, reason, words, Performed::Dropped, abandonment)
}

fn finished(
    attempt: Arc<Attempt>,
    reason: Option<StopReason>,
    words: FinalState,
    performed: Performed,
    abandonment: Option<Abandonment>,
) -> Finished {
    let mut ending = match performed {
        Performed::Ended(ending) => Some(ended(ending, reason.as_ref(), abandonment)),
        Performed::Stopped => stopped(&attempt, reason, abandonment, "it followed"),
        Performed::Dropped if abandonment.is_some() => {
            stopped(&attempt, reason, abandonment, "it was dropped where it stood")
        }
        Performed::Dropped => stopped(&attempt, reason, None, "it did not follow in time and was dropped"),
        Performed::Panicked(caught) => {
            let failure = Failure::new(Cause::Panic, &caught.message, attempt.number, attempt.clock.now());
            Some(Ending::Panicked { failure: failure.with_details(&caught.details) })
        }
    };
    if let (Some(ending), Some(why)) = (&mut ending, &words.refused) {
        *ending = refused(why, &attempt, attempt.clock.now());
    }
    let settlement = ending.map(|ending| settlement(&attempt, ending, words));
    Finished { attempt, settlement }
}

/// A task that fails while its server goes down mostly fails because of that: its connections are closed, its helpers
/// are gone. If the failure is real it comes again in the next process, and is counted there.
fn ended(ending: Ending, reason: Option<&StopReason>, abandonment: Option<Abandonment>) -> Ending {
    match (ending, reason) {
        (
            Ending::Failed { failure, permanent: false, .. },
            Some(StopReason::Shutdown | StopReason::StoreBroken { .. }),
        ) => Ending::Interrupted {
            why: format!("{}; the task failed on the way: {}", ends(abandonment), failure.message).into(),
        },
        (ending, _) => ending,
    }
}

/// Why the server does.
fn ends(abandonment: Option<Abandonment>) -> &'static str {
    abandonment.map_or("shutdown", Abandonment::as_str)
}

/// `None`: the claim is lost, so there is nobody to tell.
fn stopped(
    attempt: &Attempt,
    reason: Option<StopReason>,
    abandonment: Option<Abandonment>,
    how: &str,
) -> Option<Ending> {
    let now = attempt.clock.now();
    let failed = |cause, message: &str| Ending::Failed {
        failure: Failure::new(cause, message, attempt.number, now),
        retry_after: None,
        permanent: false,
    };
    Some(match reason {
        Some(StopReason::Shutdown) => Ending::Interrupted { why: format!("{}: {how}", ends(abandonment)).into() },
        Some(StopReason::StoreBroken { error }) => Ending::Interrupted { why: error.to_string().into() },
        Some(StopReason::Cancelled { reason }) => Ending::Cancelled { reason, error: None },
        Some(StopReason::Suspended { .. }) => Ending::Interrupted { why: format!("to be suspended: {how}").into() },
        Some(StopReason::Timeout) => {
            let limit = attempt.timeout.unwrap_or_default();
            failed(Cause::Timeout, &format!("the attempt took longer than {limit:?} and was told to stop: {how}"))
        }
        Some(StopReason::Refused { why }) => refused(&why, attempt, now),
        Some(StopReason::Unreadable { why }) => Ending::Incompatible { why, by: attempt.mark() },
        Some(StopReason::ClaimLost) => return None,
        None => failed(Cause::Error, "the task returned `Stopped`, but nobody had told it to stop"),
    })
}

fn settlement(attempt: &Attempt, ending: Ending, words: FinalState) -> Settlement {
    Settlement {
        id: attempt.id,
        epoch: attempt.epoch,
        ending,
        execution_metadata: words.execution_metadata,
        taken: words.taken,
        progress: words.progress,
    }
}
