//! The end of an attempt.

use std::{any::Any, fmt, sync::Arc, time::Duration};

use longhaul_core::{Cause, Ending, FailedAttempt, Kind, Timestamp, run::Due};

use super::kind::EndKind;
use crate::{
    panics::{self, Caught},
    payload::Payload,
    task::{TaskDefinition, TaskFn},
};

/// How an attempt ended. [`Next::run`](crate::Next::run) returns it, a [`Layer`](crate::Layer) returns that one or
/// another, and [hooks](crate::AttemptEnded) are told the one that the store kept.
///
/// The result or the error is encoded before any layer sees the end, so a result that is too large shows as a failure.
/// A layer can look at the typed value as well; a hook cannot.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{AttemptEnd, RunOutcome, layer_fn, testing::TestServer};
/// use std::time::Duration;
///
/// let server = TestServer::start(|builder| {
///     builder.task(CountUp).layer(layer_fn(|_, next| async move {
///         match next.run().await {
///             end if end.message().is_some_and(|message| message.contains("429")) => {
///                 end.retry_after(Duration::from_secs(60))
///             }
///             end if end.result::<CountUp>() == Some(&13) => AttemptEnd::cancelled("an unlucky number"),
///             end => end,
///         }
///     }))
/// });
/// let run = server.client().enqueue::<CountUp>(Count { to: 13 }).await?;
/// assert!(matches!(run.outcome().await?, RunOutcome::Cancelled { .. }));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a layer returns it, as it is or another"]
pub struct AttemptEnd {
    /// What the store is to apply. A failure does not name its attempt and time yet: `conclude` adds them. `None`: the
    /// attempt stopped because it was told to, and `conclude` says what that means.
    ending: Option<Ending>,
    /// It did not stop in time, and was dropped.
    is_dropped: bool,
    /// The runs of the same limit key wait as long as this one.
    holds_limit_key: bool,
    /// The result or the error of the task, if somebody may look at it.
    value: Option<TypedValue>,
}

/// What a task returned, and which task.
#[derive(Clone)]
struct TypedValue {
    task: Kind,
    value: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttemptEnd({}", self.kind())?;
        if let Some(message) = self.message() {
            write!(f, ": {message}")?;
        }
        f.write_str(")")
    }
}

impl AttemptEnd {
    /// The attempt failed: the run's retry policy decides what follows, as for a failure of the task.
    pub fn failed(message: impl fmt::Display) -> Self {
        failed(unstamped(Cause::Error, &message.to_string())).into()
    }

    /// The run is suspended until somebody proceeds it.
    pub fn suspended() -> Self {
        Ending::Suspended { until: None, deadline: None }.into()
    }

    /// The run is suspended for this long, or until an earlier proceed.
    pub fn suspended_after(wait: Duration) -> Self {
        Ending::Suspended { until: Some(Due::After(wait)), deadline: None }.into()
    }

    /// The run is cancelled.
    pub fn cancelled(reason: impl fmt::Display) -> Self {
        Ending::Cancelled { reason: Some(reason.to_string().into()), error: None }.into()
    }

    /// The layer stopped because it was told to. If it was not, that is a failure.
    pub fn stopped() -> Self {
        Self { ending: None, is_dropped: false, holds_limit_key: false, value: None }
    }

    /// It was told to stop, did not stop in time, and was dropped.
    pub(crate) fn dropped() -> Self {
        Self { is_dropped: true, ..Self::stopped() }
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.is_dropped
    }

    pub(crate) fn panicked(caught: &Caught) -> Self {
        Ending::Panicked { failure: unstamped(Cause::Panic, &caught.message).with_details(&caught.details) }.into()
    }

    /// The next attempt of a run that failed begins after this time, in place of the policy's wait. Any other end stays
    /// as it is.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        if let Some(Ending::Failed { retry_after, .. }) = &mut self.ending {
            *retry_after = Some(wait);
        }
        self
    }

    /// As [`retry_after`](Self::retry_after), and no run of the same kind and limit key starts before that; see
    /// [`FailureFor::retry_limit_key_after`](crate::FailureFor::retry_limit_key_after). Any other end stays as it is.
    pub fn retry_limit_key_after(self, wait: Duration) -> Self {
        self.retry_after(wait).holding_limit_key(true)
    }

    pub(super) fn holding_limit_key(self, holds_limit_key: bool) -> Self {
        Self { holds_limit_key, ..self }
    }

    /// How long no run of the same limit key starts, and why.
    pub(crate) fn limit_key_hold(&self) -> Option<(Duration, &str)> {
        match &self.ending {
            Some(Ending::Failed { failure, retry_after: Some(wait), .. }) if self.holds_limit_key => {
                Some((*wait, &failure.message))
            }
            _ => None,
        }
    }

    /// No other attempt follows a failure. Any other end stays as it is.
    pub fn permanently(mut self) -> Self {
        if let Some(Ending::Failed { permanent, .. }) = &mut self.ending {
            *permanent = true;
        }
        self
    }

    /// What sort of end it is.
    pub fn kind(&self) -> EndKind {
        match &self.ending {
            Some(Ending::Completed { .. }) => EndKind::Completed,
            Some(Ending::Suspended { .. } | Ending::Awaits { .. }) => EndKind::Suspended,
            Some(Ending::Failed { failure, .. }) if failure.cause == Cause::Timeout => EndKind::TimedOut,
            Some(Ending::Failed { .. }) => EndKind::Failed,
            Some(Ending::Cancelled { .. }) => EndKind::Cancelled,
            Some(Ending::Panicked { .. }) => EndKind::Panicked,
            Some(Ending::Interrupted { .. }) => EndKind::Interrupted,
            Some(Ending::Incompatible { .. }) => EndKind::Incompatible,
            Some(Ending::Returned) => EndKind::Returned,
            None => EndKind::Stopped,
        }
    }

    /// What the failure or the panic says, or why the run was cancelled, interrupted or parked.
    pub fn message(&self) -> Option<&str> {
        match self.ending.as_ref()? {
            Ending::Failed { failure, .. } | Ending::Panicked { failure } => Some(&failure.message),
            Ending::Cancelled { reason, .. } => reason.as_deref(),
            Ending::Interrupted { why } | Ending::Incompatible { why, .. } => Some(why),
            Ending::Completed { .. } | Ending::Suspended { .. } | Ending::Awaits { .. } | Ending::Returned => None,
        }
    }

    /// Whether it is a failure that no other attempt follows, whatever the policy says.
    pub fn is_permanent(&self) -> bool {
        matches!(&self.ending, Some(Ending::Failed { permanent: true, .. }))
    }

    /// The result, if the attempt completed a run of `T`. `None` for a hook.
    pub fn result<T: TaskDefinition>(&self) -> Option<&T::Output> {
        self.result_of(T::NAME)
    }

    /// The same for a function.
    pub fn result_fn<M, X, R: Payload, E>(&self, function: TaskFn<M, X, R, E>) -> Option<&R> {
        self.result_of(function.name())
    }

    /// The error that the task returned, if the attempt failed or cancelled a run of `T`. `None` if a layer made this
    /// end, and for a hook.
    pub fn error<T: TaskDefinition>(&self) -> Option<&T::Error> {
        self.error_of(T::NAME)
    }

    /// The same for a function.
    pub fn error_fn<M, X, R, E: Payload>(&self, function: TaskFn<M, X, R, E>) -> Option<&E> {
        self.error_of(function.name())
    }

    fn result_of<R: 'static>(&self, task: &str) -> Option<&R> {
        if self.kind() == EndKind::Completed { self.value_of(task) } else { None }
    }

    fn error_of<E: 'static>(&self, task: &str) -> Option<&E> {
        if matches!(self.kind(), EndKind::Failed | EndKind::Cancelled) { self.value_of(task) } else { None }
    }

    fn value_of<V: 'static>(&self, task: &str) -> Option<&V> {
        self.value.as_ref().filter(|given| given.task.as_str() == task)?.value.downcast_ref()
    }

    /// With the typed value beside it.
    pub(super) fn with_value(mut self, task: &Kind, value: Arc<dyn Any + Send + Sync>) -> Self {
        self.value = Some(TypedValue { task: task.clone(), value });
        self
    }

    /// What the store is to apply; `None`: see [`stopped`](Self::stopped). The typed value is dropped here, and a panic
    /// of its `Drop` goes no further.
    pub(crate) fn into_ending(self) -> Option<Ending> {
        let Self { ending, value, .. } = self;
        if let Err(caught) = panics::catch(|| drop(value)) {
            tracing::error!(panic = %caught.message, details = %caught.details, "dropping what a task returned panicked");
        }
        ending
    }
}

impl From<Ending> for AttemptEnd {
    fn from(ending: Ending) -> Self {
        Self { ending: Some(ending), is_dropped: false, holds_limit_key: false, value: None }
    }
}

/// A failure that names neither its attempt nor its time yet.
pub(crate) fn unstamped(cause: Cause, message: &str) -> FailedAttempt {
    FailedAttempt::new(cause, message, 0, Timestamp::EPOCH)
}

fn failed(failure: FailedAttempt) -> Ending {
    Ending::Failed { failure, retry_after: None, permanent: false }
}
