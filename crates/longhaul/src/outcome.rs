//! How an attempt can end.

use std::time::{Duration, SystemTime};

use longhaul_core::AwaitedRuns;
use serde::{Deserialize, Serialize};

/// What [`Task::execute`](crate::Task::execute) returns. A `Result`, so that `?` works: every error that converts into
/// `E` becomes a typed failure, and [`Stopped`] ends the attempt.
///
/// The builders [`Success`](struct@crate::Success), [`Suspended`](crate::Suspended), [`Failure`](crate::Failure) and
/// [`Cancellation`](crate::Cancellation) make one.
pub type ExecutionResult<R, E> = Result<Outcome<R>, Interruption<E>>;

/// The attempt ended in a way that is not an error.
///
/// ```
/// use longhaul::{AnyError, Outcome, Success};
///
/// assert_eq!(Success::with_result(7).for_error::<AnyError>(), Ok(Outcome::Success(7)));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers handle each case")]
pub enum Outcome<R> {
    /// The run is done, with this result.
    Success(R),
    /// The run is put aside, and goes on later.
    Suspended(Suspension),
}

/// Until when a run is put aside.
///
/// ```
/// use longhaul::{AnyError, Outcome, Suspended, Suspension, When};
/// use std::time::Duration;
///
/// let hour = Duration::from_secs(3600);
/// let ended = Suspended::for_result::<()>().after(hour).for_error::<AnyError>();
/// let expected = Suspension { until: Some(When::After(hour)), ..Suspension::default() };
/// assert_eq!(ended, Ok(Outcome::Suspended(expected)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "tasks and tests build it and take it apart")]
pub struct Suspension {
    /// It goes on by itself then, or with an earlier proceed; `None`: only with a proceed.
    pub until: Option<When>,
    /// The run fails then, unless it went on before; `None`: it waits as long as it takes.
    pub deadline: Option<When>,
    /// One of these signals lets it go on.
    pub signals: Vec<String>,
    /// Goes on once these runs are final.
    pub runs: Option<AwaitedRuns>,
}

/// A point in time, as a task gives it.
///
/// ```
/// use longhaul::When;
/// use std::time::{Duration, SystemTime};
///
/// assert_ne!(When::At(SystemTime::UNIX_EPOCH), When::After(Duration::ZERO));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "callers handle each case")]
pub enum When {
    /// Then.
    At(SystemTime),
    /// This long after the store has kept the end of the attempt.
    After(Duration),
}

impl Suspension {
    /// Until somebody proceeds the run.
    pub(crate) const PROCEED: Self = Self { until: None, deadline: None, signals: Vec::new(), runs: None };

    pub(crate) const fn until(when: When) -> Self {
        Self { until: Some(when), deadline: None, signals: Vec::new(), runs: None }
    }
}

/// What `?` can carry out of a task.
///
/// ```
/// use longhaul::{AnyError, Interruption};
///
/// fn parse(text: &str) -> Result<u32, Interruption<AnyError>> {
///     Ok(text.parse::<u32>()?) // any error that converts becomes a failure
/// }
/// assert!(matches!(parse("x"), Err(Interruption::Failure(_))));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "callers handle each case")]
pub enum Interruption<E> {
    /// The attempt failed; the run's retry policy says what follows.
    Failure(Failed<E>),
    /// The task calls its run off.
    Cancellation(Called<E>),
    /// The task followed a request to stop; the executor knows which, and what follows.
    Stopped(Stopped),
}

/// A failure, as the task tells it.
///
/// ```
/// use longhaul::{AnyError, Failure, Interruption};
///
/// let ended = Failure::for_result::<()>().permanently().with_error(AnyError::msg("no such table"));
/// assert!(matches!(ended, Err(Interruption::Failure(failed)) if failed.permanent));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "tasks and tests build it and take it apart")]
pub struct Failed<E> {
    /// What went wrong.
    pub error: Option<E>,
    /// When to try again, in place of the policy's wait.
    pub retry_after: Option<Duration>,
    /// Trying again is of no use.
    pub permanent: bool,
    /// No run of the same kind and limit key starts before `retry_after` has passed.
    pub holds_limit_key: bool,
}

/// A cancellation, as the task tells it.
///
/// ```
/// use longhaul::{AnyError, Cancellation, Interruption};
///
/// let ended = Cancellation::for_result::<()>().because("sold out").with_empty_error::<AnyError>();
/// assert!(matches!(ended, Err(Interruption::Cancellation(called)) if called.reason.as_deref() == Some("sold out")));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "tasks and tests build it and take it apart")]
pub struct Called<E> {
    /// The task's error, if it gives one.
    pub error: Option<E>,
    /// Why, for people.
    pub reason: Option<String>,
}

/// The attempt was told to stop: by a shutdown, a cancellation, a timeout, or because its claim or its store is gone.
/// Hand it on with `?`.
///
/// It is no `std::error::Error` on purpose: that is what lets `?` turn every *error* into a typed failure, and this
/// into a stop.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use longhaul::{StopReason, testing};
///
/// let (ctx, attempt) = testing::context((), 0_u64).await;
/// assert!(ctx.ensure_active().is_ok());
/// attempt.stop(StopReason::Shutdown);
/// assert!(ctx.ensure_active().is_err()); // a `Stopped`
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an attempt that was told to stop should end: hand this on with `?`"]
pub struct Stopped(pub(crate) ());

impl<E> Interruption<E> {
    /// A failure with this error, for what is no `std::error::Error` and cannot be handed on with `?`:
    /// `.map_err(Interruption::failed)?`. The run's retry policy says what follows.
    ///
    /// ```
    /// use longhaul::{ExecutionResult, Interruption, Success};
    ///
    /// fn parse(text: &str) -> Result<u32, String> {
    ///     text.parse().map_err(|_| format!("`{text}` is no number"))
    /// }
    ///
    /// fn execute(text: &str) -> ExecutionResult<u32, String> {
    ///     let number = parse(text).map_err(Interruption::failed)?;
    ///     Success::with_result(number).for_error()
    /// }
    /// assert_eq!(execute("x"), Err(Interruption::failed("`x` is no number".to_owned())));
    /// ```
    pub const fn failed(error: E) -> Self {
        Self::Failure(Failed { error: Some(error), retry_after: None, permanent: false, holds_limit_key: false })
    }

    /// The same, and no other attempt follows: trying again is of no use.
    ///
    /// ```
    /// use longhaul::{AnyError, ExecutionResult, Interruption};
    ///
    /// fn execute(table: &str) -> ExecutionResult<(), AnyError> {
    ///     Err(Interruption::failed_permanently(AnyError::msg(format!("no table `{table}`"))))
    /// }
    /// assert!(matches!(execute("x"), Err(Interruption::Failure(failed)) if failed.permanent));
    /// ```
    pub const fn failed_permanently(error: E) -> Self {
        Self::Failure(Failed { error: Some(error), retry_after: None, permanent: true, holds_limit_key: false })
    }

    /// Cancels the run from within. `reason` is for people, and may be empty; at most 256 bytes of it are kept.
    ///
    /// ```
    /// use longhaul::{AnyError, Interruption};
    ///
    /// let gone = Interruption::<AnyError>::cancelled("the customer has left");
    /// assert!(matches!(gone, Interruption::Cancellation(_)));
    /// ```
    pub fn cancelled(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Cancellation(Called { error: None, reason: (!reason.is_empty()).then_some(reason) })
    }
}

impl<T: std::error::Error, E: From<T>> From<T> for Interruption<E> {
    fn from(error: T) -> Self {
        Self::failed(error.into())
    }
}

impl<E> From<Stopped> for Interruption<E> {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

/// For tasks that never fail of themselves. It has no value.
///
/// ```
/// use longhaul::{EmptyError, Outcome, Success};
///
/// let ended = Success::with_result(7).for_error::<EmptyError>();
/// assert_eq!(ended, Ok(Outcome::Success(7)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[expect(clippy::exhaustive_enums, reason = "it has no value, and never gets one")]
pub enum EmptyError {}
