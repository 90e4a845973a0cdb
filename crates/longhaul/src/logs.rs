//! The log of a run: what its attempts tell through `tracing`, kept with it.

mod buffer;
mod layer;
mod text;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use longhaul_core::{Clock, Epoch, LogPage, RunId};
use tokio::sync::Notify;
use tracing::Level;

pub use self::layer::RunLogLayer;
use self::{buffer::Buffer, text::Redact};

/// Keeps what the attempts of runs tell through `tracing` with these runs, to be read by id and attempt, in any process:
/// see [`RunHandle::log`](crate::RunHandle::log).
///
/// It has two ends: a layer for the program's subscriber, and the server, which writes what the layer hears. An event
/// belongs to a run if it is told within the span `run.execute`, or a span inside of it: what a task tells itself, what
/// it awaits, and what it does in [`Context::blocking`](crate::Context::blocking). A future that it spawns belongs to
/// the run if it is [instrumented](tracing::Instrument) with the current span.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{AnyError, Context, Longhaul, RunLogs, Success, TaskFn, testing};
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// const GREET: TaskFn<String, (), (), AnyError> = TaskFn::new("greet");
///
/// let logs = RunLogs::new().level(tracing::Level::DEBUG);
/// let subscriber = tracing_subscriber::registry().with(logs.layer()); // and `fmt::layer()`, and others
/// let _guard = tracing::subscriber::set_default(subscriber); // in a program: `.init()`
///
/// let server = Longhaul::builder()
///     .store(testing::memory_store())
///     .run_logs(logs)
///     .task_fn(GREET, |ctx| async move {
///         tracing::info!(name = ctx.metadata(), "hello");
///         Success::with_empty_result().for_error()
///     })
///     .start()?;
/// let run = server.client().enqueue_fn(GREET, "Ada".to_owned()).await?;
/// run.outcome().await?;
/// let log = run.log().await?;
/// assert_eq!(&*log.lines[0].text, r#"hello name="Ada""#);
/// # Ok(())
/// # }
/// ```
///
/// # What is kept
/// Of each run, the four latest attempts that told something; of each attempt, the last 32 pages of about 3 KiB, which
/// is some hundreds of lines; of each line, 1 KiB. They go when the run does.
///
/// # What is not promised
/// Lines are written with the attempt's saves, at least once every `autosave`, and when it ends. A process that is
/// killed takes the last second of them along, and a power cut may take more: nothing waits for their `fdatasync`. A
/// store that fails costs lines, and never a run. If a task tells more in a second than 32 pages, the oldest are lost.
#[derive(Clone)]
#[must_use = "nothing is kept until a server has it, and the program's subscriber its layer"]
pub struct RunLogs {
    level: Level,
    redact: Option<Redact>,
    open: Arc<Open>,
}

type Open = Mutex<HashMap<(RunId, Epoch), Weak<Buffer>>>;

impl fmt::Debug for RunLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLogs").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Default for RunLogs {
    fn default() -> Self {
        Self { level: Level::INFO, redact: None, open: Arc::default() }
    }
}

impl RunLogs {
    /// Keeps events of the levels ERROR, WARN and INFO.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps events up to this level. It holds for the run's log alone: other layers of the subscriber see what they
    /// saw before.
    pub fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Is shown each field of an event or span before it is kept, by its name and its value as text (the message is the
    /// field `message`), and answers what to keep in its place; `None`: keep it as it is. It is called where the event
    /// is told, so it should be quick.
    ///
    /// ```
    /// use longhaul::RunLogs;
    ///
    /// let logs = RunLogs::new().redact(|field, _value| (field == "password").then(|| "…".into()));
    /// ```
    pub fn redact(self, redact: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self { redact: Some(Redact(Arc::new(redact))), ..self }
    }

    /// The layer that hears the events. A program needs one, whatever number of servers it starts.
    pub fn layer(&self) -> RunLogLayer {
        RunLogLayer::new(self.clone())
    }

    fn open(&self) -> MutexGuard<'_, HashMap<(RunId, Epoch), Weak<Buffer>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buffer of an attempt that runs.
    fn buffer(&self, id: RunId, epoch: Epoch) -> Option<Arc<Buffer>> {
        self.open().get(&(id, epoch))?.upgrade()
    }
}

/// Where a server's attempts leave their lines, if anywhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logs(Option<RunLogs>);

impl From<RunLogs> for Logs {
    fn from(logs: RunLogs) -> Self {
        Self(Some(logs))
    }
}

impl Logs {
    /// Listens to an attempt that begins. `wake` is called when there is something to write.
    pub(crate) fn listen(&self, id: RunId, epoch: Epoch, clock: &Arc<dyn Clock>, wake: &Arc<Notify>) -> LogBuffer {
        let Some(logs) = &self.0 else { return LogBuffer(None) };
        let buffer = Arc::new(Buffer::new(clock.clone(), wake.clone()));
        logs.open().insert((id, epoch), Arc::downgrade(&buffer));
        LogBuffer(Some(Listening { logs: logs.clone(), attempt: (id, epoch), buffer }))
    }
}

/// What an attempt said, and was not written yet.
#[derive(Default)]
pub(crate) struct LogBuffer(Option<Listening>);

struct Listening {
    logs: RunLogs,
    attempt: (RunId, Epoch),
    buffer: Arc<Buffer>,
}

impl LogBuffer {
    pub(crate) fn is_unwritten(&self) -> bool {
        self.0.as_ref().is_some_and(|listening| listening.buffer.is_unwritten())
    }

    /// The pages to write; the one that is not full yet will come again when it holds more.
    pub(crate) fn take(&self) -> Vec<LogPage> {
        self.0.as_ref().map_or_else(Vec::new, |listening| listening.buffer.take())
    }

    /// What was taken was not written.
    pub(crate) fn put_back(&self, pages: Vec<LogPage>) {
        if let Some(listening) = &self.0 {
            listening.buffer.put_back(pages);
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.logs.open().remove(&self.attempt);
    }
}
