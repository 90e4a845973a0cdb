//! Waiting for a time within a task.

use std::{convert::Infallible, time::Duration};

use longhaul_core::Timestamp;

use super::{Context, EffectError};
use crate::{attempt::StopReason, clock, outcome::Stopped, payload::Payload};

/// A shorter wait is not worth a suspension: that is two writes of the store, and another claim.
const IN_PLACE: Duration = Duration::from_secs(5);

impl<M, X> Context<M, X> {
    /// Waits until `time`. A wait of up to five seconds happens in place. For a longer one the attempt ends here, and the
    /// run is suspended until then: it holds no slot, and waits across restarts.
    ///
    /// The attempt ends as it does when it is told to stop: this returns `Err`, which `?` hands on, and
    /// [`stop_reason`](Self::stop_reason) is [`StopReason::Sleeping`]. What the execution metadata says is kept with the
    /// suspension. When the time has come, the next attempt begins at the top of `execute`, as after any suspension, and
    /// this call returns at once when it comes to it. So keep what was done before the wait in the execution metadata, or
    /// do it as an [effect](Self::effect). A value or signal that was taken, and that no `update` accounts for, is handed
    /// out again. A proceed lets the run go on before the time: the attempt then waits for the rest.
    ///
    /// A time on a clock that is moved by hand, as that of [`TestServer`](crate::testing::TestServer), is always waited
    /// for by suspending.
    ///
    /// # Errors
    /// [`Stopped`] when the run is suspended for the time, or the attempt was told to stop.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Success};
    /// use std::time::SystemTime;
    ///
    /// async fn execute(ctx: &Context<SystemTime, ()>) -> ExecutionResult<(), AnyError> {
    ///     ctx.sleep_until(*ctx.metadata()).await?;
    ///     println!("it begins");
    ///     Success::with_empty_result().for_error()
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let (ctx, _attempt) = longhaul::testing::context(SystemTime::UNIX_EPOCH, ()).await;
    /// # assert!(execute(&ctx).await.is_ok());
    /// # }
    /// ```
    pub async fn sleep_until(&self, time: impl Into<Timestamp>) -> Result<(), Stopped> {
        self.ensure_active()?;
        let (until, attempt) = (time.into(), &self.inner.attempt);
        if attempt.clock.now() >= until {
            return Ok(());
        }
        if attempt.clock.wait_for(until).is_some_and(|wait| wait <= IN_PLACE) {
            return self.until_stopped(clock::sleep_until(&*attempt.clock, until)).await;
        }
        attempt.stop(StopReason::Sleeping { until });
        Err(Stopped(()))
    }
}

impl<M, X: Payload> Context<M, X> {
    /// Waits for `wait`, from when the run first came to this line: the time is remembered with the run under `name`, so
    /// a resumed attempt waits for the rest, or not at all. Otherwise it is as [`sleep_until`](Self::sleep_until), which
    /// says what happens to the attempt when the wait is long.
    ///
    /// `name` tells the waits of a run apart, in a loop with what changes (`format!("page {n}")`). It is remembered as the
    /// result of an [effect](Self::effect) is, and counts as one: at most 256 of both.
    ///
    /// # Errors
    /// [`Stopped`] when the run is suspended for the time, when the attempt was told to stop, and when the name is refused.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Success, testing::TestServer, TaskFn};
    /// use std::time::Duration;
    ///
    /// const REMIND: TaskFn<String, (), (), AnyError> = TaskFn::new("remind");
    /// const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    ///
    /// async fn remind(ctx: Context<String, ()>) -> ExecutionResult<(), AnyError> {
    ///     for day in 1..=3 {
    ///         ctx.sleep(&format!("day {day}"), DAY).await?;
    ///         ctx.effect(&format!("mail {day}"), |_| async { Ok::<_, AnyError>(()) }).await?;
    ///     }
    ///     Success::with_empty_result().for_error()
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = TestServer::start(|builder| builder.task_fn(REMIND, remind));
    /// let run = server.client().enqueue_fn(REMIND, "ann".to_owned()).await?;
    /// for _ in 0..3 {
    ///     server.run_until_idle().await;
    ///     server.advance(DAY);
    /// }
    /// assert!(run.outcome().await?.completed().is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn sleep(&self, name: &str, wait: Duration) -> Result<(), Stopped> {
        self.ensure_active()?;
        let stopped = |error: EffectError<Infallible>| match error {
            EffectError::Stopped(stopped) => stopped,
            EffectError::Failed(never) => match never {},
        };
        let name = format!("sleep: {name}");
        let until = if let Some(micros) = self.remembered::<i64, _>(&name).map_err(stopped)? {
            Timestamp::from_micros(micros)
        } else {
            let until = self.inner.attempt.clock.now().after(wait);
            // Kept with the suspension, or, of a short wait, with the next save: what a crash repeats is short too.
            self.remember(&name, &until.as_micros()).map_err(stopped)?;
            until
        };
        self.sleep_until(until).await
    }
}
