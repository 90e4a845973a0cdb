//! Pauses that a task asks for.

use longhaul_core::{ControlChange, Paused, Scope, StoreError, Timestamp};

use super::Context;
use crate::attempt::LimitKeyHold;

impl<M, X> Context<M, X> {
    /// No run of this run's queue starts before `until`, on any server; what runs already runs on, this run too. The pause
    /// ends by itself, by the store's clock, also if all servers were restarted meanwhile. For a service that says "too many
    /// requests, come back at 14:05": pause the queue of those who call it, and fail with
    /// [`retry_after`](crate::FailureFor::retry_after), so that this run comes back then too.
    ///
    /// `why` is for people: [`explain`](crate::RunHandle::explain) tells it of each run that waits. A pause that lasts
    /// longer, or until somebody resumes the queue, stays as it is.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Failure};
    /// use std::time::{Duration, SystemTime};
    ///
    /// async fn too_many_requests(ctx: &Context<String, ()>, wait: Duration) -> ExecutionResult<(), AnyError> {
    ///     ctx.pause_queue_until(SystemTime::now() + wait, "too many requests").await?;
    ///     Failure::for_empty_result().retry_after(wait).with_error(AnyError::msg("429"))
    /// }
    /// ```
    ///
    /// # Errors
    /// When the store fails: the queue may be paused or not.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the queue is either paused or not.
    pub async fn pause_queue_until(&self, until: impl Into<Timestamp>, why: &str) -> Result<(), StoreError> {
        self.pause(Scope::Queue(self.inner.attempt.queue.clone()), until.into(), why).await
    }

    /// The same of all runs of this run's kind, in whatever queue they wait.
    ///
    /// # Errors
    /// When the store fails: the kind may be paused or not.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the kind is either paused or not.
    pub async fn pause_kind_until(&self, until: impl Into<Timestamp>, why: &str) -> Result<(), StoreError> {
        self.pause(Scope::Kind(self.inner.attempt.kind.clone()), until.into(), why).await
    }

    /// The same of the runs of this run's kind with its [limit key](crate::Task::limit_key), in whatever queue they wait: of
    /// one customer, and no other. `Ok(false)`: this run has no limit key, and nothing is paused.
    ///
    /// To fail and come back with all of them, end with
    /// [`retry_limit_key_after`](crate::FailureFor::retry_limit_key_after), which pauses as this does. At most 1000 limit
    /// keys are paused at a time; of more, the pause that ends first gives way, and `Ok(false)` says that it was this one.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Success};
    /// use std::time::{Duration, SystemTime};
    ///
    /// async fn nearly_used_up(ctx: &Context<String, ()>, reset: Duration) -> ExecutionResult<(), AnyError> {
    ///     ctx.pause_limit_key_until(SystemTime::now() + reset, "the quota of this hour is used up").await?;
    ///     Success::with_empty_result().for_error()
    /// }
    /// ```
    ///
    /// # Errors
    /// When the store fails: the limit key may be paused or not.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the limit key is either paused or not.
    pub async fn pause_limit_key_until(&self, until: impl Into<Timestamp>, why: &str) -> Result<bool, StoreError> {
        let attempt = &self.inner.attempt;
        let Some(hold) = LimitKeyHold::of(attempt, until.into(), why) else { return Ok(false) };
        Ok(attempt.store.control(hold.scope, hold.change).await?.paused.is_some())
    }

    async fn pause(&self, scope: Scope, until: Timestamp, why: &str) -> Result<(), StoreError> {
        let attempt = &self.inner.attempt;
        let paused = Paused::new(attempt.clock.now(), &attempt.id.to_string(), (!why.is_empty()).then_some(why));
        let change = ControlChange::PauseAtLeast(Paused { until: Some(until), ..paused });
        attempt.store.control(scope, change).await.map(drop)
    }
}
