//! Values and signals that were sent to the run while it was suspended, or at any other time.

use std::collections::VecDeque;

use longhaul_core::{Inbox, Key, inbox::Message, limits::PROCEED_VALUE_MAX, shape};

use super::Context;
use crate::{attempt::StopReason, outcome::Stopped, payload::Payload, values::ValueFormat};

/// What was there when the attempt began, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    waiting: VecDeque<Message>,
    /// The numbers of those that the task has taken.
    taken: Vec<u64>,
    /// So many of them the execution metadata accounts for: they are acknowledged with it.
    accounted: usize,
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
        self.accounted == self.taken.len()
    }

    /// What was taken is accounted for from now on. Answers whether that is news.
    pub(super) fn account(&mut self) -> bool {
        let news = self.accounted < self.taken.len();
        self.accounted = self.taken.len();
        news
    }

    /// The numbers of those that the execution metadata accounts for.
    pub(crate) fn accounted(&self) -> Vec<u64> {
        self.taken[..self.accounted].to_vec()
    }

    /// The numbers of all that the task has taken.
    pub(super) fn taken(&self) -> Vec<u64> {
        self.taken.clone()
    }

    /// Where the oldest is of the signals of this name, or of the values.
    fn find(&self, signal: Option<&str>) -> Option<usize> {
        self.waiting.iter().position(|message| message.signal.as_ref().map(Key::as_str) == signal)
    }

    /// The task has the message that is there.
    fn take(&mut self, at: usize) {
        self.taken.extend(self.waiting.remove(at).map(|message| message.number));
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
        self.take(None, "value of a proceed")
    }

    /// Takes the oldest [signal](crate::RunHandle::signal) of this name; `None`: there is none, or none any more. An
    /// attempt sees what had come when it began. A task that waits for one looks first, and then suspends for it with
    /// [`on_signal`](crate::SuspendedFor::on_signal): what came meanwhile lets the run go on at once.
    ///
    /// The signals of each name are a queue of their own. They are taken in the order in which they came, and count as
    /// taken as [values](Self::proceeded_with) do: together with the first [`update`](Context::update) after it, the next
    /// [`checkpoint`](Context::checkpoint), or an end as success or suspension. If the attempt ends before, in whatever
    /// way, the signal is handed out again.
    ///
    /// # Errors
    /// [`Stopped`] when the attempt was told to stop, and when the value of the signal is no `V`: the run is parked as
    /// incompatible then, with the signal, and waits for code that can read it.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Success, Suspended};
    /// # use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Approval { by: String }
    ///
    /// async fn execute(ctx: &Context<(), ()>) -> ExecutionResult<String, AnyError> {
    ///     match ctx.signal::<Approval>("approved")? {
    ///         Some(approval) => Success::with_result(approval.by).for_error(),
    ///         None => Suspended::for_result().on_signal("approved").for_error(),
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let (ctx, attempt) = longhaul::testing::context((), ()).await;
    /// # attempt.signal("approved", Approval { by: "ann".into() }).await;
    /// # assert!(execute(&ctx).await.is_ok());
    /// # }
    /// ```
    pub fn signal<V: Payload>(&self, name: &str) -> Result<Option<V>, Stopped> {
        self.take(Some(name), "value of a signal")
    }

    fn take<V: Payload>(&self, signal: Option<&str>, what: &'static str) -> Result<Option<V>, Stopped> {
        self.inner.attempt.ensure_active()?;
        let values = &self.inner.values;
        let mut delivered = values.delivered();
        let Some(at) = delivered.find(signal) else { return Ok(None) };
        let message = &delivered.waiting[at];
        let format =
            ValueFormat { what, fingerprint: shape::fingerprint_of::<V>(), max: PROCEED_VALUE_MAX, ..values.form };
        match format.decode_plain(&message.value) {
            Ok(value) => {
                delivered.take(at);
                Ok(Some(value))
            }
            Err(error) => {
                self.inner.attempt.stop(StopReason::Unreadable { why: error.to_string().into() });
                Err(Stopped(()))
            }
        }
    }
}
