//! Values that were sent to the run while it was suspended, or at any other time.

use std::collections::VecDeque;

use longhaul_core::{Inbox, inbox::Message, limits::PROCEED_VALUE_MAX, shape};

use super::Context;
use crate::{attempt::StopReason, outcome::Stopped, payload::Payload, values::ValueFormat};

/// What was there when the attempt began, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    waiting: VecDeque<Message>,
    /// The number of the last value that the task has taken.
    pub(super) taken: u64,
    /// The same, of those that the execution metadata accounts for: they are acknowledged with it.
    pub(super) accounted: u64,
}

impl Delivered {
    pub(crate) fn of(inbox: &Inbox) -> Self {
        Self { waiting: inbox.messages.clone().into(), ..Self::default() }
    }

    /// For unit tests: one more, which the attempt sees although it came after its beginning.
    #[cfg(feature = "testing")]
    pub(crate) fn push(&mut self, message: Message) {
        self.waiting.push_back(message);
    }

    pub(super) fn all_accounted(&self) -> bool {
        self.accounted == self.taken
    }

    /// What was taken is accounted for from now on. Answers whether that is news.
    pub(super) fn account(&mut self) -> bool {
        let news = self.accounted < self.taken;
        self.accounted = self.taken;
        news
    }
}

impl<M, X> Context<M, X> {
    /// Takes the oldest value that was sent with [`proceed_with`](crate::RunHandle::proceed_with); `None`: there is
    /// none, or none any more. An attempt sees what had come when it began: what comes later lets the run go on once
    /// more after it suspends.
    ///
    /// Several sorts of events are one enum: the values of a run are of one type, and are taken in the order in which
    /// they came.
    ///
    /// A value counts as taken together with the first [`update`](Context::update) after it, so that no crash keeps the
    /// one and not the other; or with the next [`checkpoint`](Context::checkpoint), or when the task returns success or
    /// a suspension. If the attempt ends before, in whatever way, the value is handed out again. A retry that begins
    /// [from the start](crate::RetryPolicy::from_the_start) does not get back what was taken before.
    ///
    /// # Errors
    /// [`Stopped`] when the attempt was told to stop, and when the value is no `V`: the run is parked as incompatible
    /// then, with the value, and waits for code that can read it.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Success, Suspended};
    /// # use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Approval { by: String }
    ///
    /// async fn execute(ctx: &Context<(), Option<String>>) -> ExecutionResult<String, AnyError> {
    ///     if let Some(approval) = ctx.proceeded_with::<Approval>()? {
    ///         ctx.update(|by| *by = Some(approval.by)); // kept together: taken, and by whom
    ///     }
    ///     match ctx.read(Clone::clone) {
    ///         Some(by) => Success::with_result(by).for_error(),
    ///         None => Suspended::for_result().for_error(),
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let (ctx, _attempt) = longhaul::testing::context((), Some("ann".to_owned())).await;
    /// # assert!(execute(&ctx).await.is_ok());
    /// # }
    /// ```
    pub fn proceeded_with<V: Payload>(&self) -> Result<Option<V>, Stopped> {
        self.inner.attempt.ensure_active()?;
        let values = &self.inner.values;
        let mut delivered = values.delivered();
        let Some(message) = delivered.waiting.front() else { return Ok(None) };
        let format = ValueFormat {
            what: "value of a proceed",
            fingerprint: shape::fingerprint_of::<V>(),
            max: PROCEED_VALUE_MAX,
            ..values.form
        };
        match format.decode_plain(&message.value) {
            Ok(value) => {
                delivered.taken = message.number;
                delivered.waiting.pop_front();
                Ok(Some(value))
            }
            Err(error) => {
                self.inner.attempt.stop(StopReason::Unreadable { why: error.to_string().into() });
                Err(Stopped(()))
            }
        }
    }
}
