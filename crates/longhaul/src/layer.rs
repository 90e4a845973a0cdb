//! What is wrapped around the execution of attempts.

mod execution;

use std::{fmt, pin::Pin, sync::Arc};

use crate::end::AttemptEnd;

pub use execution::Execution;

/// Wraps the execution of attempts: it may measure, hold a permit or a span meanwhile, look at how the attempt ended,
/// say another end, or answer without executing the task at all. Registered with [`Builder::layer`](crate::Builder::layer),
/// for all tasks of the server; the first that was added is the outermost.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{AttemptEnd, Execution, Layer, Next, testing::TestServer};
/// use std::sync::Arc;
/// use tokio::sync::Semaphore;
///
/// /// At most so many attempts at once talk to the printer, whatever their kinds.
/// struct OnePrinter(Arc<Semaphore>);
///
/// impl Layer for OnePrinter {
///     async fn around(&self, execution: Execution, next: Next) -> AttemptEnd {
///         tokio::select! {
///             permit = self.0.acquire() => {
///                 let _permit = permit;
///                 next.run().await
///             }
///             () = execution.cancellation().cancelled() => AttemptEnd::stopped(),
///         }
///     }
/// }
///
/// let server = TestServer::start(|builder| builder.task(CountUp).layer(OnePrinter(Arc::new(Semaphore::new(1)))));
/// let run = server.client().enqueue::<CountUp>(Count { to: 3 }).await?;
/// assert_eq!(run.outcome().await?.completed(), Some(3));
/// # Ok(())
/// # }
/// ```
///
/// # What holds
/// - Layers are executed within the attempt: its timeout counts them, the span `run.execute` is around them, and
///   checkpoints and autosaves go on as without them. Values that cannot be read park their run before any layer.
/// - When the attempt is dropped (its stop deadline passed, the grace is over), all layers are dropped with it, at the
///   await where they stand.
/// - A panic of the task goes through the layers as a panic, and a panic of a layer is one of the attempt.
/// - An attempt whose process dies ends for no layer.
/// - What a layer says is an attempt's end like the task's own: a failure counts towards `attempts_max`, a suspension
///   towards nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no layer",
    label = "this is not a `Layer`",
    note = "write `impl Layer for {Self}` with `around`, or wrap a function: `layer_fn(|execution, next| async move {{ next.run().await }})`"
)]
pub trait Layer: Send + Sync + 'static {
    /// Executes the attempt by `next.run().await`, or does not.
    ///
    /// # Cancel safety
    /// It is dropped at an await when the attempt is dropped.
    fn around(&self, execution: Execution, next: Next) -> impl Future<Output = AttemptEnd> + Send;
}

/// A function as a layer.
///
/// ```
/// # use longhaul::doc::CountUp;
/// use longhaul::{AttemptEnd, Longhaul, layer_fn};
/// use std::{sync::atomic::{AtomicBool, Ordering}, time::Duration};
///
/// static SWITCHED_OFF: AtomicBool = AtomicBool::new(false);
///
/// let builder = Longhaul::builder().task(CountUp).layer(layer_fn(|execution, next| async move {
///     if execution.is::<CountUp>() && SWITCHED_OFF.load(Ordering::Relaxed) {
///         return AttemptEnd::suspended_after(Duration::from_secs(3600)); // counts towards nothing
///     }
///     next.run().await
/// }));
/// ```
pub fn layer_fn<F, Fut>(around: F) -> LayerFn<F>
where
    F: Fn(Execution, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = AttemptEnd> + Send + 'static,
{
    LayerFn { around }
}

/// Made by [`layer_fn`].
///
/// ```
/// use longhaul::{Layer, layer_fn};
///
/// fn unchanged() -> impl Layer {
///     layer_fn(|_, next| next.run())
/// }
/// # unchanged();
/// ```
#[derive(Clone, Copy)]
pub struct LayerFn<F> {
    around: F,
}

impl<F> fmt::Debug for LayerFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LayerFn")
    }
}

impl<F, Fut> Layer for LayerFn<F>
where
    F: Fn(Execution, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = AttemptEnd> + Send + 'static,
{
    async fn around(&self, execution: Execution, next: Next) -> AttemptEnd {
        (self.around)(execution, next).await
    }
}

/// What a layer is around: the other layers, and the task. Dropped without [`run`](Next::run), the task is not executed.
///
/// ```
/// use longhaul::layer_fn;
///
/// let timed = layer_fn(|execution, next| async move {
///     let began = std::time::Instant::now();
///     let end = next.run().await;
///     println!("{} {} after {:?}", execution.kind(), end.kind(), began.elapsed());
///     end
/// });
/// ```
///
/// Run it within the layer's own future, and not in a spawned one, which a drop of the attempt would not reach; what
/// that one writes afterwards is refused.
#[must_use = "nothing is executed before `run`"]
pub struct Next {
    layers: Arc<[Box<dyn Erased>]>,
    /// The next of them.
    at: usize,
    execution: Execution,
    task: UserFuture<'static>,
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Next for {:?}", self.execution)
    }
}

impl Next {
    /// Executes it, and tells how it ended.
    ///
    /// # Panics
    /// When the task, or a layer within, panics.
    ///
    /// # Cancel safety
    /// Dropping the future drops the task at the await where it stands.
    pub async fn run(self) -> AttemptEnd {
        let Self { layers, at, execution, task } = self;
        match layers.get(at) {
            None => task.await,
            Some(layer) => {
                let within = Self { layers: layers.clone(), at: at + 1, execution: execution.clone(), task };
                layer.around(execution, within).await
            }
        }
    }
}

pub(crate) type UserFuture<'a> = Pin<Box<dyn Future<Output = AttemptEnd> + Send + 'a>>;

/// A layer whose type is forgotten.
trait Erased: Send + Sync {
    fn around(&self, execution: Execution, next: Next) -> UserFuture<'_>;
}

impl<L: Layer> Erased for L {
    fn around(&self, execution: Execution, next: Next) -> UserFuture<'_> {
        Box::pin(Layer::around(self, execution, next))
    }
}

/// The layers of a server that is put together.
#[derive(Default)]
pub(crate) struct NewLayers(Vec<Box<dyn Erased>>);

impl NewLayers {
    pub(crate) fn add(&mut self, layer: impl Layer) {
        self.0.push(Box::new(layer));
    }

    pub(crate) fn finished(self) -> Layers {
        Layers(self.0.into())
    }
}

/// The layers of a server, the outermost first.
pub(crate) struct Layers(Arc<[Box<dyn Erased>]>);

impl Layers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `task` with all layers around it.
    pub(crate) fn around(&self, execution: Execution, task: UserFuture<'static>) -> UserFuture<'static> {
        Box::pin(Next { layers: self.0.clone(), at: 0, execution, task }.run())
    }
}
