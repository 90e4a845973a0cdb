//! Work that keeps a CPU busy, or blocks.

use std::{fmt, panic::resume_unwind, sync::atomic::Ordering, time::SystemTime};

use tokio::{runtime::Handle, sync::oneshot};

use super::Context;
use crate::{
    attempt::{AttemptInfo, StopReason},
    context::ProgressReporter,
    outcome::Stopped,
    panics,
    payload::Payload,
};

/// The context of a closure on a thread of its own; see [`Context::blocking`].
///
/// ```
/// use longhaul::{Context, Stopped};
///
/// async fn sum(ctx: &Context<Vec<u64>, u64>) -> Result<u64, Stopped> {
///     ctx.blocking(|ctx| -> Result<u64, Stopped> {
///         for n in ctx.metadata() {
///             ctx.update(|sum| *sum += n);
///             ctx.ensure_active()?; // a thread cannot be dropped: look now and then
///         }
///         Ok(ctx.read(|sum| *sum))
///     })
///     .await
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let (ctx, _attempt) = longhaul::testing::context(vec![1, 2, 3], 0_u64).await;
/// # assert!(matches!(sum(&ctx).await, Ok(6)));
/// # }
/// ```
pub struct BlockingContext<M, X> {
    context: Context<M, X>,
    runtime: Handle,
}

/// A closure that [`Context::blocking`] can move to another thread: anything that is `Send` and `'static`.
///
/// ```
/// fn can_be_moved(work: impl longhaul::BlockingWork) {}
/// can_be_moved(|| 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "the closure of `blocking` cannot be moved to another thread",
    label = "it holds, or is, something that belongs to this thread",
    note = "`blocking` runs it on a thread of its own: what it captures has to be `Send`, for instance an `Arc` in place of an `Rc`"
)]
pub trait BlockingWork: Send + 'static {}

#[diagnostic::do_not_recommend]
impl<F: Send + 'static> BlockingWork for F {}

impl<M, X> fmt::Debug for BlockingContext<M, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blocking{:?}", self.context)
    }
}

impl<M: Send + Sync + 'static, X: Payload> Context<M, X> {
    /// Runs `work` on a thread where it may block or compute for as long as it likes. It can look at the execution
    /// metadata, change it and make checkpoints as the task itself can, and should end when it is told to stop.
    ///
    /// ```
    /// # use longhaul::{AnyError, Context, ExecutionResult, Stopped, Success};
    /// # async fn execute(ctx: &Context<u64, u64>) -> ExecutionResult<u64, AnyError> {
    /// let sum = ctx.blocking(|ctx| -> Result<u64, Stopped> {
    ///     while ctx.read(|at| *at) < *ctx.metadata() {
    ///         ctx.update(|at| *at += 1);
    ///         ctx.checkpoint()?;
    ///     }
    ///     Ok(ctx.read(|at| *at))
    /// }).await?;
    /// # Success::with_result(sum).for_error()
    /// # }
    /// ```
    ///
    /// # Panics
    /// When `work` panics: the panic goes on here, so that the attempt ends as if the task itself had panicked.
    ///
    /// # Cancel safety
    /// When the future is dropped, the thread goes on until `work` ends, but whatever it writes is refused from then
    /// on. A server that shuts down names the runs whose threads outlast the grace.
    pub async fn blocking<O, F>(&self, work: F) -> O
    where
        O: Send + 'static,
        F: FnOnce(&BlockingContext<M, X>) -> O + BlockingWork,
    {
        let context = BlockingContext { context: self.clone(), runtime: Handle::current() };
        let attempt = self.inner.attempt.clone();
        attempt.blocking.fetch_add(1, Ordering::AcqRel);
        let (tell, ended) = oneshot::channel();
        // What is told on the thread belongs to the run too.
        let span = tracing::Span::current();
        // A thread of our own, not one of the runtime's: a runtime waits for those when it ends, so work that does not
        // stop would hold up the process for ever.
        std::thread::Builder::new()
            .name(format!("longhaul-{}", self.inner.attempt.kind))
            .spawn(move || {
                let out = panics::catch(|| span.in_scope(|| work(&context)));
                attempt.blocking.fetch_sub(1, Ordering::AcqRel);
                // Nobody listens any more if the attempt was dropped meanwhile.
                let _ = tell.send(out);
            })
            .expect("the operating system gives a thread");
        match ended.await.expect("the thread tells how it ended, also when it panics") {
            Ok(out) => out,
            Err(panic) => resume_unwind(Box::new(panic)),
        }
    }
}

impl<M, X> BlockingContext<M, X> {
    /// See [`Context::metadata`].
    pub fn metadata(&self) -> &M {
        self.context.metadata()
    }

    /// See [`Context::read`].
    pub fn read<O>(&self, read: impl FnOnce(&X) -> O) -> O {
        self.context.read(read)
    }

    /// See [`Context::update`].
    pub fn update<O>(&self, change: impl FnOnce(&mut X) -> O) -> O {
        self.context.update(change)
    }

    /// See [`Context::now`].
    pub fn now(&self) -> SystemTime {
        self.context.now()
    }

    /// See [`Context::proceeded_with`].
    pub fn proceeded_with<V: Payload>(&self) -> Result<Option<V>, Stopped> {
        self.context.proceeded_with()
    }

    /// See [`Context::attempt`].
    pub fn attempt(&self) -> AttemptInfo {
        self.context.attempt()
    }

    /// See [`Context::progress`].
    pub fn progress(&self) -> ProgressReporter<'_> {
        self.context.progress()
    }

    /// See [`Context::ensure_active`].
    pub fn ensure_active(&self) -> Result<(), Stopped> {
        self.context.ensure_active()
    }

    /// See [`Context::stop_reason`].
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.context.stop_reason()
    }
}

impl<M, X: Payload> BlockingContext<M, X> {
    /// See [`Context::checkpoint`]; it blocks until the execution metadata is durable.
    pub fn checkpoint(&self) -> Result<(), Stopped> {
        self.runtime.block_on(self.context.checkpoint())
    }
}
