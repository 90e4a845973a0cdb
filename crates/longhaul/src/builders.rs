//! The four ways to end an attempt. With* takes a value, For* names a type.

use std::{marker::PhantomData, time::Duration};

use longhaul_core::{AwaitedRuns, Timestamp};

use crate::empty::EmptyResult;
use crate::outcome::{Called, EmptyError, ExecutionResult, Failed, Interruption, Outcome, Suspension, When};

/// Completes a run. Where the compiler knows the type of the error, as it does in [`Task::execute`](crate::Task::execute)
/// and in functions that are registered by their [`TaskFn`](crate::TaskFn), [`Success(x)`](fn@Success) is shorter.
///
/// ```
/// use longhaul::{EmptyError, ExecutionResult, Success};
///
/// let done: ExecutionResult<u32, EmptyError> = Success::with_result(7).for_empty_error();
/// let done: ExecutionResult<(), std::fmt::Error> = Success::with_empty_result().for_error();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Success {} // with braces, so that the name is free for the function below

/// The run is completed, with this result: return `Ok(Success(x))`.
///
/// ```
/// use longhaul::{AnyError, ExecutionResult, Success};
///
/// fn add(numbers: &str) -> ExecutionResult<u64, AnyError> {
///     let mut sum = 0;
///     for number in numbers.lines() {
///         sum += number.parse::<u64>()?;
///     }
///     Ok(Success(sum))
/// }
/// assert!(add("40\n2").is_ok());
/// ```
#[expect(non_snake_case, reason = "it stands for what it makes, as the constructor of a tuple does")]
pub const fn Success<R>(result: R) -> Outcome<R> {
    Outcome::Success(result)
}

/// See [`Success`](struct@Success).
///
/// ```
/// use longhaul::{AnyError, Success};
///
/// assert!(Success::with_result(7).for_error::<AnyError>().is_ok());
/// ```
#[derive(Debug)]
#[must_use = "end it with `.for_error()` or `.for_empty_error()`, and return that"]
pub struct SuccessWith<R>(R);

impl Success {
    /// With this result.
    pub const fn with_result<R>(result: R) -> SuccessWith<R> {
        SuccessWith(result)
    }

    /// Without one.
    pub const fn with_empty_result() -> SuccessWith<EmptyResult> {
        SuccessWith(())
    }
}

impl<R> SuccessWith<R> {
    /// In a task whose error is an `E`.
    pub fn for_error<E>(self) -> ExecutionResult<R, E> {
        Ok(Outcome::Success(self.0))
    }

    /// In a task that never fails.
    pub fn for_empty_error(self) -> ExecutionResult<R, EmptyError> {
        self.for_error()
    }
}

/// Puts a run aside: its attempt ends, its execution metadata is stored, and a later attempt goes on from there. It does
/// not count as a failure.
///
/// ```
/// use longhaul::{AnyError, ExecutionResult, Suspended};
/// use std::time::Duration;
///
/// let until_proceeded: ExecutionResult<u32, AnyError> = Suspended::for_result().for_error();
/// let a_minute: ExecutionResult<u32, AnyError> = Suspended::for_result().after(Duration::from_secs(60)).for_error();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Suspended;

/// See [`Suspended`].
///
/// ```
/// use longhaul::{AnyError, Suspended};
///
/// assert!(Suspended::for_result::<u32>().for_error::<AnyError>().is_ok());
/// ```
#[derive(Debug)]
#[must_use = "end it with `.for_error()` or `.for_empty_error()`, and return that"]
pub struct SuspendedFor<R>(Suspension, PhantomData<R>);

impl Suspended {
    /// In a task whose result is an `R`.
    pub fn for_result<R>() -> SuspendedFor<R> {
        SuspendedFor(Suspension::PROCEED, PhantomData)
    }

    /// In a task without a result.
    pub fn for_empty_result() -> SuspendedFor<EmptyResult> {
        Self::for_result()
    }
}

impl<R> SuspendedFor<R> {
    /// Goes on when the signal of this name comes, or with a proceed. One that came before lets it go on at once, so none
    /// is lost between the look ([`Context::signal`](crate::Context::signal)) and the suspension; a task that suspends for
    /// a signal which is there and which it does not take is executed again and again. Called several times, any of up to
    /// eight signals will do.
    ///
    /// ```
    /// use longhaul::{AnyError, ExecutionResult, Suspended};
    /// use std::time::Duration;
    ///
    /// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// let fails: ExecutionResult<u32, AnyError> =
    ///     Suspended::for_result().on_signal("approved").or_fail_after(7 * DAY).for_error();
    /// let goes_on: ExecutionResult<u32, AnyError> =
    ///     Suspended::for_result().on_signal("approved").or_go_on_after(7 * DAY).for_error();
    /// ```
    pub fn on_signal(mut self, name: impl Into<String>) -> Self {
        self.0.signals.push(name.into());
        self
    }

    pub(crate) fn on(mut self, runs: AwaitedRuns) -> Self {
        self.0.runs = Some(runs);
        self
    }

    /// Goes on by itself after `wait`, without the signal: the same as [`after`](Self::after).
    pub fn or_go_on_after(self, wait: Duration) -> Self {
        self.after(wait)
    }

    /// Goes on by itself at `time`, without the signal: the same as [`until`](Self::until).
    pub fn or_go_on_at(self, time: impl Into<Timestamp>) -> Self {
        self.until(time)
    }

    /// Goes on by itself at `time`, or when proceeded before.
    pub fn until(mut self, time: impl Into<Timestamp>) -> Self {
        self.0.until = Some(When::At(time.into().into()));
        self
    }

    /// Goes on by itself after `wait`, or when proceeded before.
    pub fn after(mut self, wait: Duration) -> Self {
        self.0.until = Some(When::After(wait));
        self
    }

    /// Fails the run for good if it has not gone on after `wait`: [`Cause::Deadline`](crate::run::Cause::Deadline), with
    /// no typed error. The store does it, whether or not a server executes the task. If the run goes on by itself
    /// before ([`until`](Self::until), [`after`](Self::after)), there is nothing to fail, and the next suspension says
    /// anew how long it waits.
    ///
    /// ```
    /// use longhaul::{AnyError, ExecutionResult, Suspended};
    /// use std::time::Duration;
    ///
    /// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    /// let a_week_for_the_approval: ExecutionResult<u32, AnyError> =
    ///     Suspended::for_result().or_fail_after(7 * DAY).for_error();
    /// ```
    pub fn or_fail_after(mut self, wait: Duration) -> Self {
        self.0.deadline = Some(When::After(wait));
        self
    }

    /// The same, at `time`.
    pub fn or_fail_at(mut self, time: impl Into<Timestamp>) -> Self {
        self.0.deadline = Some(When::At(time.into().into()));
        self
    }

    /// In a task whose error is an `E`.
    pub fn for_error<E>(self) -> ExecutionResult<R, E> {
        Ok(Outcome::Suspended(self.0))
    }

    /// In a task that never fails.
    pub fn for_empty_error(self) -> ExecutionResult<R, EmptyError> {
        self.for_error()
    }
}

/// Ends an attempt in failure; the run's [`RetryPolicy`](crate::RetryPolicy) says whether another follows.
///
/// ```
/// use longhaul::{AnyError, ExecutionResult, Failure};
/// use std::time::Duration;
///
/// let busy = || AnyError::msg("busy");
/// let failed: ExecutionResult<u32, AnyError> = Failure::for_result().with_error(busy());
/// let soon: ExecutionResult<u32, AnyError> =
///     Failure::for_result().retry_after(Duration::from_secs(5)).with_error(busy());
/// let no_more: ExecutionResult<u32, AnyError> = Failure::for_result().permanently().with_error(busy());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure;

/// See [`Failure`].
///
/// ```
/// use longhaul::{AnyError, Failure};
///
/// assert!(Failure::for_result::<u32>().with_error(AnyError::msg("busy")).is_err());
/// ```
#[derive(Debug)]
#[must_use = "end it with `.with_error()` or `.with_empty_error()`, and return that"]
pub struct FailureFor<R> {
    retry_after: Option<Duration>,
    permanent: bool,
    holds_limit_key: bool,
    result: PhantomData<R>,
}

impl Failure {
    /// In a task whose result is an `R`.
    pub fn for_result<R>() -> FailureFor<R> {
        FailureFor { retry_after: None, permanent: false, holds_limit_key: false, result: PhantomData }
    }

    /// In a task without a result.
    pub fn for_empty_result() -> FailureFor<EmptyResult> {
        Self::for_result()
    }
}

impl<R> FailureFor<R> {
    /// The next attempt begins after `wait`, whatever the policy says; whether there is one, the policy says.
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// As [`retry_after`](Self::retry_after), and no run of the same kind and [limit key](crate::Task::limit_key) starts
    /// before that, on any server: for a service that answers one customer "too many requests, not before 14:05". What
    /// runs already runs on. The pause is stored before the end of the attempt is; it ends by itself, by the store's clock,
    /// and also holds if this run gets no other attempt. [`explain`](crate::RunHandle::explain) tells it of each run that
    /// waits, with the failure as the reason, and `client.limit_key(kind, key)?.resume()` ends it.
    ///
    /// A run without a limit key waits alone, and its server's log says so.
    ///
    /// ```
    /// use longhaul::{AnyError, ExecutionResult, Failure};
    /// use std::time::Duration;
    ///
    /// fn too_many_requests(retry_after: Duration) -> ExecutionResult<(), AnyError> {
    ///     Failure::for_empty_result().retry_limit_key_after(retry_after).with_error(AnyError::msg("429"))
    /// }
    /// assert!(too_many_requests(Duration::from_secs(300)).is_err());
    /// ```
    pub fn retry_limit_key_after(mut self, wait: Duration) -> Self {
        self.holds_limit_key = true;
        self.retry_after(wait)
    }

    /// No other attempt: trying again is of no use.
    pub fn permanently(mut self) -> Self {
        self.permanent = true;
        self
    }

    /// With this error.
    pub fn with_error<E>(self, error: E) -> ExecutionResult<R, E> {
        self.with(Some(error))
    }

    /// Without one.
    pub fn with_empty_error<E>(self) -> ExecutionResult<R, E> {
        self.with(None)
    }

    fn with<E>(self, error: Option<E>) -> ExecutionResult<R, E> {
        let Self { retry_after, permanent, holds_limit_key, .. } = self;
        Err(Interruption::Failure(Failed { error, retry_after, permanent, holds_limit_key }))
    }
}

/// Cancels the run from within: it ends as Cancelled, and no attempt follows.
///
/// ```
/// use longhaul::{AnyError, Cancellation, ExecutionResult};
///
/// let gone: ExecutionResult<u32, AnyError> =
///     Cancellation::for_result().because("the customer left").with_empty_error();
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Cancellation;

/// See [`Cancellation`].
///
/// ```
/// use longhaul::{AnyError, Cancellation};
///
/// assert!(Cancellation::for_result::<u32>().with_error(AnyError::msg("gone")).is_err());
/// ```
#[derive(Debug)]
#[must_use = "end it with `.with_error()` or `.with_empty_error()`, and return that"]
pub struct CancellationFor<R>(Option<String>, PhantomData<R>);

impl Cancellation {
    /// In a task whose result is an `R`.
    pub fn for_result<R>() -> CancellationFor<R> {
        CancellationFor(None, PhantomData)
    }

    /// In a task without a result.
    pub fn for_empty_result() -> CancellationFor<EmptyResult> {
        Self::for_result()
    }
}

impl<R> CancellationFor<R> {
    /// Says why, for people; at most 256 bytes are kept.
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.0 = Some(reason.into());
        self
    }

    /// With this error.
    pub fn with_error<E>(self, error: E) -> ExecutionResult<R, E> {
        Err(Interruption::Cancellation(Called { error: Some(error), reason: self.0 }))
    }

    /// Without one.
    pub fn with_empty_error<E>(self) -> ExecutionResult<R, E> {
        Err(Interruption::Cancellation(Called { error: None, reason: self.0 }))
    }
}
