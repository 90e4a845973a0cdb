//! How an attempt ended, as layers see and say it.

use std::{any::Any, fmt, time::Duration};

use longhaul_core::{Envelope, Kind};

use crate::{
    definition::TaskFn,
    outcome::{Suspension, When},
    task::{Payload, Task},
};

/// How an attempt ended, in a word.
///
/// ```
/// use longhaul::{AttemptEnd, How};
///
/// assert_eq!(AttemptEnd::failed("no paper").how(), How::Failed);
/// assert_eq!(How::Suspended.to_string(), "suspended");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum How {
    /// With the result.
    Completed,
    /// The run was put aside.
    Suspended,
    /// In a failure; whether the run is tried again says its policy.
    Failed,
    /// The run was called off.
    Cancelled,
    /// It followed a request to stop: only layers see this, and the executor says what it means.
    Stopped,
    /// It took longer than the run's timeout. A failure, told apart; like all that follow, only hooks see it.
    TimedOut,
    /// The task panicked.
    Panicked,
    /// It was broken off by a shutdown, or to be suspended. Counts against nothing.
    Interrupted,
    /// The values could not be read: the run is parked.
    Incompatible,
    /// The claim was given back; the task never began.
    Returned,
}

impl How {
    /// One word, as it is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Suspended => "suspended",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Stopped => "stopped",
            Self::TimedOut => "timed out",
            Self::Panicked => "panicked",
            Self::Interrupted => "interrupted",
            Self::Incompatible => "incompatible",
            Self::Returned => "returned",
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an attempt ended: what [`Next::run`](crate::Next::run) gives, and what a [`Layer`](crate::Layer) answers, be it
/// that or another end.
///
/// What the task gave is already laid down as it will be kept, so a result that is too large shows as the failure that
/// it is. The typed values stand beside it, to look at.
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
#[must_use = "a layer answers it, as it is or another"]
pub struct AttemptEnd {
    pub(crate) what: What,
    /// The result or the error of the task, if anybody may look at it.
    value: Option<TypedValue>,
}

/// An end, but for the time.
pub(crate) enum What {
    Completed(Envelope),
    Suspended(Suspension),
    Failed(FailedEnd),
    Cancelled { reason: Option<String>, error: Option<Envelope> },
    Stopped,
}

pub(crate) struct FailedEnd {
    pub(crate) message: String,
    pub(crate) details: Option<String>,
    pub(crate) error: Option<Envelope>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) permanent: bool,
}

impl FailedEnd {
    pub(crate) fn new(message: String) -> Self {
        Self { message, details: None, error: None, retry_after: None, permanent: false }
    }
}

/// What a task gave, and which task.
pub(crate) struct TypedValue {
    pub(crate) task: Kind,
    pub(crate) value: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for AttemptEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttemptEnd({}", self.how())?;
        if let Some(message) = self.message() {
            write!(f, ": {message}")?;
        }
        f.write_str(")")
    }
}

impl AttemptEnd {
    pub(crate) fn new(what: What, value: Option<TypedValue>) -> Self {
        Self { what, value }
    }

    fn said(what: What) -> Self {
        Self::new(what, None)
    }

    /// The attempt failed: the run's policy says what follows, as for a failure of the task.
    pub fn failed(message: impl fmt::Display) -> Self {
        Self::said(What::Failed(FailedEnd::new(message.to_string())))
    }

    /// The run is put aside until somebody proceeds it.
    pub fn suspended() -> Self {
        Self::said(What::Suspended(Suspension::PROCEED))
    }

    /// The run is put aside for so long, or until an earlier proceed.
    pub fn suspended_after(wait: Duration) -> Self {
        Self::said(What::Suspended(Suspension::until(When::After(wait))))
    }

    /// The run is called off.
    pub fn cancelled(reason: impl fmt::Display) -> Self {
        Self::said(What::Cancelled { reason: Some(reason.to_string()), error: None })
    }

    /// The layer followed a request to stop. If nobody had asked for it, that is a failure.
    pub fn stopped() -> Self {
        Self::said(What::Stopped)
    }

    /// A failure is tried again after so long, in place of the policy's wait. Any other end stays as it is.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        if let What::Failed(failed) = &mut self.what {
            failed.retry_after = Some(wait);
        }
        self
    }

    /// A failure is not tried again. Any other end stays as it is.
    pub fn permanently(mut self) -> Self {
        if let What::Failed(failed) = &mut self.what {
            failed.permanent = true;
        }
        self
    }

    /// How it ended, in a word.
    pub fn how(&self) -> How {
        match &self.what {
            What::Completed(_) => How::Completed,
            What::Suspended(_) => How::Suspended,
            What::Failed(_) => How::Failed,
            What::Cancelled { .. } => How::Cancelled,
            What::Stopped => How::Stopped,
        }
    }

    /// What the failure says, or why the run was called off.
    pub fn message(&self) -> Option<&str> {
        match &self.what {
            What::Failed(failed) => Some(&failed.message),
            What::Cancelled { reason, .. } => reason.as_deref(),
            _ => None,
        }
    }

    /// Whether it is a failure that is not tried again, whatever the policy says.
    pub fn is_permanent(&self) -> bool {
        matches!(&self.what, What::Failed(failed) if failed.permanent)
    }

    /// The result, if the attempt completed a run of `T`.
    pub fn result<T: Task>(&self) -> Option<&T::Output> {
        self.result_of(T::NAME)
    }

    /// The same for a function.
    pub fn result_fn<M, X, R: Payload, E>(&self, function: TaskFn<M, X, R, E>) -> Option<&R> {
        self.result_of(function.name())
    }

    /// The error that the task gave, if the attempt failed at a run of `T`, or called it off. `None` when it was a layer
    /// that said so.
    pub fn error<T: Task>(&self) -> Option<&T::Error> {
        self.error_of(T::NAME)
    }

    /// The same for a function.
    pub fn error_fn<M, X, R, E: Payload>(&self, function: TaskFn<M, X, R, E>) -> Option<&E> {
        self.error_of(function.name())
    }

    fn result_of<R: 'static>(&self, task: &str) -> Option<&R> {
        if matches!(self.what, What::Completed(_)) { self.value_of(task) } else { None }
    }

    fn error_of<E: 'static>(&self, task: &str) -> Option<&E> {
        if matches!(self.what, What::Failed(_) | What::Cancelled { .. }) { self.value_of(task) } else { None }
    }

    fn value_of<V: 'static>(&self, task: &str) -> Option<&V> {
        self.value.as_ref().filter(|given| given.task.as_str() == task)?.value.downcast_ref()
    }
}
