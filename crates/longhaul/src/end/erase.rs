//! What a task returned, without its types.

use std::{any::Any, sync::Arc};

use longhaul_core::{
    AwaitedRuns, Cause, Ending, Key,
    limits::{AWAITED_MAX, AWAITED_RUNS_MAX},
    run::Due,
};

use super::attempt_end::{AttemptEnd, unstamped};
use crate::{
    definition::Common,
    outcome::{Called, ExecutionResult, Failed, Interruption, Outcome, Suspension, When},
    task::TaskTypes,
};

/// Encodes what the task returned. The typed values are kept beside it only if somebody may look at them.
pub(crate) fn erase<T: TaskTypes>(
    common: &Common,
    returned: ExecutionResult<T::Output, T::Error>,
    watched: bool,
) -> AttemptEnd {
    match returned {
        Ok(Outcome::Success(result)) => match common.result.encode(&result) {
            Ok(encoded) => with_value(Ending::Completed { result: encoded }, common, result, watched),
            Err(error) => AttemptEnd::failed(error).permanently(),
        },
        Ok(Outcome::Suspended(Suspension { until, deadline, signals, runs })) => {
            let (until, deadline) = (until.map(due), deadline.map(due));
            if signals.is_empty() && runs.is_none() {
                return Ending::Suspended { until, deadline }.into();
            }
            match awaited(&signals).and_then(|signals| Ok((signals, not_too_many(runs)?))) {
                Ok((signals, runs)) => Ending::Awaits { signals, runs, until, deadline }.into(),
                Err(refused) => AttemptEnd::failed(refused).permanently(),
            }
        }
        Err(Interruption::Failure(Failed { error: None, retry_after, permanent, holds_limit_key })) => {
            let failure = unstamped(Cause::Error, "the task failed without an error value");
            AttemptEnd::from(Ending::Failed { failure, retry_after, permanent }).holding_limit_key(holds_limit_key)
        }
        Err(Interruption::Failure(Failed { error: Some(error), retry_after, permanent, holds_limit_key })) => {
            let failure = unstamped(Cause::Error, &error.to_string());
            let failure = match common.error.encode(&error) {
                Ok(encoded) => failure.with_error(encoded),
                Err(refused) => failure.with_details(&format!("its typed error was not kept: {refused}")),
            };
            let ending = Ending::Failed { failure, retry_after, permanent };
            with_value(ending, common, error, watched).holding_limit_key(holds_limit_key)
        }
        Err(Interruption::Cancellation(Called { error, reason })) => {
            let reason = reason.or_else(|| error.as_ref().map(ToString::to_string)).map(Into::into);
            let encoded = error.as_ref().and_then(|error| common.error.encode(error).ok());
            let ending = Ending::Cancelled { reason, error: encoded };
            match error {
                Some(error) => with_value(ending, common, error, watched),
                None => ending.into(),
            }
        }
        Err(Interruption::Stopped(_)) => AttemptEnd::stopped(),
    }
}

/// The names of the signals that a task waits for.
fn awaited(signals: &[String]) -> Result<Vec<Key>, String> {
    if signals.len() > AWAITED_MAX {
        return Err(format!("it waits for {} signals at a time, and may wait for {AWAITED_MAX}", signals.len()));
    }
    let name = |signal: &String| Key::new(signal).map_err(|error| format!("it waits for a signal: {error}"));
    signals.iter().map(name).collect()
}

/// The runs that a task waits for.
fn not_too_many(runs: Option<AwaitedRuns>) -> Result<Option<AwaitedRuns>, String> {
    match &runs {
        Some(AwaitedRuns::Runs { open, .. }) if open.len() > AWAITED_RUNS_MAX => Err(format!(
            "it waits for {} runs that it names, and may wait for {AWAITED_RUNS_MAX}: wait for more as children",
            open.len()
        )),
        _ => Ok(runs),
    }
}

fn with_value<V: Any + Send + Sync>(ending: Ending, common: &Common, value: V, watched: bool) -> AttemptEnd {
    let end = AttemptEnd::from(ending);
    if watched { end.with_value(common.kind(), Arc::new(value)) } else { end }
}

fn due(when: When) -> Due {
    match when {
        When::At(time) => Due::At(time.into()),
        When::After(wait) => Due::After(wait),
    }
}
