//! A context for unit tests.

use longhaul_core::store::prelude::*;
use std::{fmt, sync::Arc};

use longhaul_core::{
    Codec, Envelope, Key, Kind, ServerId, Snapshot,
    code::{CodeMark, KindSupport},
    inbox::Message,
    limits::{EXECUTION_METADATA_MAX, RESULT_MAX},
    shape,
    store::{ClaimRequest, Proceed},
};
use tokio::sync::Notify;

use longhaul_testkit::MemoryStore;

use super::{memory_store, plain_run};
use crate::{
    Context, Payload, StopReason, SystemClock,
    attempt::{Attempt, ResultFormat},
    context::Values,
    ids::IdSource,
    logs::Logs,
    values::ValueFormat,
};

/// The other side of a context that was made for a unit test: it shows what the task has stored, stops the attempt, and
/// sends it values.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (ctx, attempt) = longhaul::testing::context((), 40_u64).await;
/// ctx.update(|x| *x += 2);
/// assert!(ctx.checkpoint().await.is_ok());
/// assert_eq!(attempt.kept::<u64>().await, 42);
/// # }
/// ```
pub struct UnitAttempt {
    attempt: Arc<Attempt>,
    store: Arc<MemoryStore>,
    /// Hands a value to the context.
    deliver: Box<dyn Fn(Message) + Send + Sync>,
}

impl fmt::Debug for UnitAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitAttempt").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}

/// A context as a task is handed it, to call the functions of a task one by one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use longhaul::{Context, Stopped, testing};
///
/// async fn step(ctx: &Context<String, u64>) -> Result<(), Stopped> {
///     ctx.update(|lines| *lines += ctx.metadata().lines().count() as u64);
///     ctx.checkpoint().await
/// }
///
/// let (ctx, attempt) = testing::context("a\nb".to_owned(), 40_u64).await;
/// step(&ctx).await.expect("nobody stopped it");
/// assert_eq!(attempt.kept::<u64>().await, 42);
/// # }
/// ```
pub async fn context<M: Payload, X: Payload>(metadata: M, execution_metadata: X) -> (Context<M, X>, UnitAttempt) {
    const WHY: &str = "the memory store answers";
    let store = Arc::new(memory_store());
    let clock = Arc::new(SystemClock);
    let ids = IdSource::default();
    let now = longhaul_core::Clock::now(&*clock);
    let kind = Kind::new("unit-test").expect("a good name");
    // The real metadata stays a value: a unit test may use types that no codec takes.
    let stored = Envelope::encode(&(), Codec::Json, 1, shape::fingerprint_of::<()>()).expect("nothing to encode");
    store.insert(vec![plain_run(ids.run(now), kind.clone(), stored)]).await.expect(WHY)[0].clone().expect("it is new");
    let kinds = [KindSupport { kind, version: 1, mark: CodeMark::default() }].into();
    let request = ClaimRequest::new(ServerId::new(now, [0; 10]), kinds, 1);
    let claimed = store.claim(request).await.expect(WHY).remove(0);
    let attempt = Attempt::new(&claimed, store.clone(), clock, Arc::new(Notify::new()), &Logs::default());
    let form = ValueFormat {
        what: "execution metadata",
        codec: Codec::Json,
        version: 1,
        fingerprint: shape::fingerprint_of::<X>(),
        max: EXECUTION_METADATA_MAX,
    };
    let result = ValueFormat { what: "result", max: RESULT_MAX, ..form };
    attempt.set_result_format(ResultFormat::of_any_type(result));
    let values = Arc::new(Values::new(execution_metadata, form));
    let deliver = {
        let values = values.clone();
        Box::new(move |message| values.delivered().push(message))
    };
    (Context::new(metadata, values, attempt.clone()), UnitAttempt { attempt, store, deliver })
}

impl UnitAttempt {
    /// Tells the attempt to stop.
    pub fn stop(&self, reason: StopReason) {
        self.attempt.stop(reason);
    }

    /// Sends a value, as [`RunHandle::proceed_with`](crate::RunHandle::proceed_with) does. The task finds it at once with
    /// [`Context::proceeded_with`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (ctx, attempt) = longhaul::testing::context((), ()).await;
    /// attempt.proceed_with("paid".to_owned()).await;
    /// assert_eq!(ctx.proceeded_with::<String>().ok().flatten().as_deref(), Some("paid"));
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the value cannot be stored, or no more than 16 of them may wait.
    pub async fn proceed_with<V: Payload>(&self, value: V) {
        self.send(None, value).await;
    }

    /// Sends a signal, as [`RunHandle::signal`](crate::RunHandle::signal) does. The task finds it at once with
    /// [`Context::signal`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (ctx, attempt) = longhaul::testing::context((), ()).await;
    /// attempt.signal("paid", 7_u64).await;
    /// assert_eq!(ctx.signal::<u64>("paid").ok().flatten(), Some(7));
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the name or the value cannot be stored, or no more than 16 of them may wait.
    pub async fn signal<V: Payload>(&self, name: &str, value: V) {
        self.send(Some(Key::new(name).unwrap_or_else(|error| panic!("{error}"))), value).await;
    }

    async fn send<V: Payload>(&self, signal: Option<Key>, value: V) {
        let value = Envelope::encode(&value, Codec::Json, 1, shape::fingerprint_of::<V>())
            .unwrap_or_else(|error| panic!("{error}"));
        let proceed = Proceed { signal, value: Some(value), ..Proceed::new(self.attempt.id) };
        self.store.proceed(proceed).await.unwrap_or_else(|error| panic!("{error}"));
        let inbox = self.snapshot().await.run.inbox().clone();
        (self.deliver)(inbox.messages.last().expect("it was just sent").clone());
    }

    /// The run as it is stored.
    pub async fn snapshot(&self) -> Snapshot {
        self.store.get(self.attempt.id).await.expect("it was enqueued")
    }

    /// The execution metadata as it is stored.
    ///
    /// # Panics
    /// When no checkpoint was made, or it is no `X`.
    pub async fn kept<X: Payload>(&self) -> X {
        let kept = self.snapshot().await.execution_metadata.expect("a checkpoint was made");
        kept.decode().unwrap_or_else(|error| panic!("{error}"))
    }

    /// How many checkpoints were made.
    pub async fn checkpoints(&self) -> u32 {
        self.snapshot().await.run.seq
    }
}
