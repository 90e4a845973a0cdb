//! What layers see of an attempt.

use std::{fmt, sync::Arc};

use longhaul_core::{Kind, Queue, RunId, name::Tag};
use tokio_util::sync::CancellationToken;

use crate::{
    attempt::{Attempt, AttemptInfo, StopReason},
    context::Asked,
    definition::Common,
    payload::Payload,
    task::{TaskDefinition, TaskFn},
};

/// The attempt that a [`Layer`](crate::Layer) is around. Cheap to clone.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{AttemptEnd, RunOutcome, layer_fn, testing::TestServer};
///
/// let server = TestServer::start(|builder| {
///     builder.task(CountUp).layer(layer_fn(|execution, next| async move {
///         match execution.metadata::<CountUp>() {
///             Some(count) if count.to > 1000 => AttemptEnd::failed("that takes too long").permanently(),
///             _ => next.run().await,
///         }
///     }))
/// });
/// let run = server.client().enqueue::<CountUp>(Count { to: 1_000_000 }).await?;
/// match run.outcome().await? {
///     RunOutcome::Failed { failure, .. } => assert_eq!(&*failure.message, "that takes too long"),
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Execution {
    inner: Arc<Inner>,
}

struct Inner {
    attempt: Arc<Attempt>,
    tags: Arc<[Tag]>,
    task: Arc<Common>,
    asked: Arc<dyn Asked>,
}

impl fmt::Debug for Execution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.attempt.fmt(f)
    }
}

impl Execution {
    pub(crate) fn new(attempt: Arc<Attempt>, tags: Arc<[Tag]>, task: Arc<Common>, asked: Arc<dyn Asked>) -> Self {
        Self { inner: Arc::new(Inner { attempt, tags, task, asked }) }
    }

    /// The run.
    pub fn run_id(&self) -> RunId {
        self.inner.attempt.id
    }

    /// The name under which the run is stored: the task's own, or one of its aliases.
    pub fn kind(&self) -> &Kind {
        &self.inner.attempt.kind
    }

    /// The queue that the run waited in.
    pub fn queue(&self) -> &Queue {
        &self.inner.attempt.queue
    }

    /// What the run can be found by.
    pub fn tags(&self) -> &[Tag] {
        &self.inner.tags
    }

    /// Which attempt this is, and what it resumed from.
    pub fn attempt(&self) -> AttemptInfo {
        self.inner.attempt.info()
    }

    /// The trace that the run comes from, as its enqueuer gave it: see [`Enqueue::trace`](crate::Enqueue::trace).
    pub fn trace(&self) -> Option<&str> {
        self.inner.attempt.trace.as_deref()
    }

    /// Becomes cancelled when the attempt is told to stop. A layer that waits before it runs the task should look at it,
    /// and answer [`AttemptEnd::stopped`](crate::AttemptEnd::stopped).
    pub fn cancellation(&self) -> &CancellationToken {
        self.inner.attempt.token()
    }

    /// Why the attempt was told to stop; `None` while it may go on.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.inner.attempt.stop_reason().cloned()
    }

    /// Whether it is a run of `T`, by whichever of its names.
    pub fn is<T: TaskDefinition>(&self) -> bool {
        self.is_of(T::NAME)
    }

    /// What was asked, if it is a run of `T`: the very value that the task reads.
    pub fn metadata<T: TaskDefinition>(&self) -> Option<&T::Metadata> {
        self.metadata_of(T::NAME)
    }

    /// The same for a function.
    ///
    /// ```
    /// use longhaul::{AnyError, Execution, TaskFn};
    ///
    /// const RESIZE: TaskFn<String, (), u64, AnyError> = TaskFn::new("resize");
    ///
    /// fn picture(execution: &Execution) -> Option<&str> {
    ///     execution.metadata_fn(RESIZE).map(String::as_str)
    /// }
    /// ```
    pub fn metadata_fn<M: Payload, X, R, E>(&self, function: TaskFn<M, X, R, E>) -> Option<&M> {
        self.metadata_of(function.name())
    }

    fn is_of(&self, name: &str) -> bool {
        self.inner.task.kind().as_str() == name
    }

    fn metadata_of<M: 'static>(&self, name: &str) -> Option<&M> {
        if self.is_of(name) { self.inner.asked.metadata().downcast_ref() } else { None }
    }
}
