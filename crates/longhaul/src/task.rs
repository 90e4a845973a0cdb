//! What users implement.

use std::{fmt::Display, time::Duration};

use longhaul_core::{Codec, Limits, Priority, Rate, Retention, RetryPolicy, envelope::OldValue};
use serde::{Serialize, de::DeserializeOwned};

use crate::{context::Context, outcome::ExecutionResult};

/// A value that longhaul can keep: one that serde writes and reads. Implemented for all such types.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Cursor { at: u64 }
///
/// fn can_be_kept<T: longhaul::Payload>() {}
/// can_be_kept::<Cursor>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept by longhaul",
    label = "not serialisable, or not `Send + Sync + 'static`",
    note = "metadata, execution metadata, results and errors are stored: add `#[derive(Serialize, Deserialize)]` to `{Self}`"
)]
pub trait Payload: Serialize + DeserializeOwned + Send + Sync + 'static {}

// Else the compiler would tell of the parts, and not what they are for.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Payload for T {}

/// A kind of background work, typed over what is asked (`Metadata`), how far it is (`ExecutionMetadata`), and how it
/// ends (`Output`, `Error`).
///
/// The value that implements it holds what the work needs: a pool, a client, settings. One value serves all runs of the
/// kind, at the same time.
///
/// ```
/// use longhaul::{AnyError, Context, ExecutionResult, Success, Task};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Count { to: u64 }
/// #[derive(Serialize, Deserialize, Default)]
/// struct Cursor { at: u64 }
///
/// struct CountUp;
///
/// impl Task for CountUp {
///     const NAME: &'static str = "count-up";
///     type Metadata = Count;
///     type ExecutionMetadata = Cursor;
///     type Output = u64;
///     type Error = AnyError;
///
///     async fn execute(&self, ctx: &Context<Count, Cursor>) -> ExecutionResult<u64, AnyError> {
///         while ctx.read(|cursor| cursor.at) < ctx.metadata().to {
///             ctx.update(|cursor| cursor.at += 1);
///             ctx.checkpoint().await?; // after this, no crash goes back behind it
///         }
///         Success::with_result(ctx.read(|cursor| cursor.at)).for_error()
///     }
/// }
/// ```
///
/// # At least once
/// An attempt may be broken off at any await, or between any two instructions when its process dies; the next one
/// begins with the latest kept execution metadata. So what lies between two checkpoints may happen twice: make it
/// repeatable (the guide, "Resuming and idempotency").
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    label = "`Task` is not implemented for `{Self}`",
    note = "implement `longhaul::Task` for it, or register a function with `builder.task_fn(\"name\", |ctx| async move {{ … }})`"
)]
pub trait Task: Send + Sync + 'static {
    /// The kind: what a stored run is matched to this code by. It is kept with every run, so it must not change; when
    /// it has to, put the old name into [`ALIASES`](Task::ALIASES).
    const NAME: &'static str;
    /// Former names, under which runs may still be stored.
    const ALIASES: &'static [&'static str] = &[];
    /// The version of the metadata's and execution metadata's shape. Raise it when one of them changes, and write
    /// [`migrate`](Task::migrate): a shape that changed without it is found out, and the run is parked as Incompatible
    /// instead of misread.
    const VERSION: u16 = 1;

    /// What is asked. Never changes once a run is enqueued.
    type Metadata: Payload;
    /// How far a run is. Its default is where a fresh run begins.
    type ExecutionMetadata: Payload + Default;
    /// The result.
    type Output: Payload;
    /// What can go wrong. Its `Display` is what people read.
    type Error: Payload + Display;

    /// Does the work: from the beginning, or from where the execution metadata says. Runs once per attempt.
    fn execute(
        &self,
        ctx: &Context<Self::Metadata, Self::ExecutionMetadata>,
    ) -> impl Future<Output = ExecutionResult<Self::Output, Self::Error>> + Send;

    /// How runs of this kind are treated, unless the one who enqueues says otherwise.
    fn options() -> TaskOptions {
        TaskOptions::default()
    }

    /// What runs of this kind share a limit by: a tenant, an account. Runs with the same key are limited by
    /// [`TaskOptions::per_key_max`] and [`TaskOptions::rate_per_key`], apart from those with others.
    fn limit_key(metadata: &Self::Metadata) -> Option<String> {
        let _ = metadata;
        None
    }

    /// Reads metadata that was stored under an older [`VERSION`](Task::VERSION). Called only for values whose shape
    /// differs from today's. What it cannot read parks the run as Incompatible; nothing is lost.
    fn migrate(old: OldValue<'_>) -> Result<Self::Metadata, MigrateError> {
        Err(MigrateError::missing("migrate", old.version(), Self::VERSION))
    }

    /// The same for execution metadata.
    fn migrate_execution_metadata(old: OldValue<'_>) -> Result<Self::ExecutionMetadata, MigrateError> {
        Err(MigrateError::missing("migrate_execution_metadata", old.version(), Self::VERSION))
    }
}

/// How runs of a kind are treated.
///
/// ```
/// use longhaul::{RetryPolicy, TaskOptions};
/// use std::time::Duration;
///
/// let options = TaskOptions::default()
///     .queue("mail")
///     .retry(RetryPolicy::default().attempts(3))
///     .timeout(Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TaskOptions {
    pub(crate) queue: String,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Option<Duration>,
    pub(crate) priority: Priority,
    pub(crate) codec: Codec,
    pub(crate) limits: Limits,
    pub(crate) requires: Vec<String>,
    pub(crate) retention: Option<Retention>,
}

impl Default for TaskOptions {
    /// Queue `default`, ten attempts with growing waits, no timeout, no limits, values as bincode.
    fn default() -> Self {
        Self {
            queue: "default".into(),
            retry: RetryPolicy::default(),
            timeout: None,
            priority: Priority::default(),
            codec: Codec::Bincode,
            limits: Limits::NONE,
            requires: Vec::new(),
            retention: None,
        }
    }
}

impl TaskOptions {
    /// The queue that runs wait in.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = queue.into();
        self
    }

    /// How failed attempts are followed by others.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How long one attempt may take. After that it is told to stop; it fails, and is tried again as the retry policy
    /// says, from its last checkpoint.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Which of the due runs go first: the higher, the earlier.
    #[must_use]
    pub fn priority(mut self, priority: i8) -> Self {
        self.priority = Priority(priority);
        self
    }

    /// At most so many runs of this kind at the same time, on all servers together.
    ///
    /// A server declares the limits of its tasks when it starts; an operator may set others in their place.
    #[must_use]
    pub fn running_max(mut self, max: u32) -> Self {
        self.limits.running = Some(max);
        self
    }

    /// At most so many runs with the same [limit key](Task::limit_key) at the same time, on all servers together.
    #[must_use]
    pub fn per_key_max(mut self, max: u32) -> Self {
        self.limits.per_key = Some(max);
        self
    }

    /// So many runs of this kind start in a period, on all servers together: a token bucket.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.limits.rate = Some(rate);
        self
    }

    /// So many runs with the same [limit key](Task::limit_key) start in a period.
    #[must_use]
    pub fn rate_per_key(mut self, rate: Rate) -> Self {
        self.limits.rate_per_key = Some(rate);
        self
    }

    /// How long runs of this kind are kept once they are final, in place of what the server says for all
    /// ([`Builder::retention`](crate::Builder::retention)). Servers that execute the kind remove by this; programs that
    /// share a store and execute others go by their own general retention, so give all of them one that is long enough.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Only servers with this label execute runs of this kind.
    #[must_use]
    pub fn requires(mut self, label: impl Into<String>) -> Self {
        self.requires.push(label.into());
        self
    }

    /// How values are written: bincode (small and fast; not for untagged or internally tagged enums, flattened structs
    /// or `serde_json::Value`), or JSON.
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }
}

/// An old value that could not be read.
///
/// ```
/// use longhaul::MigrateError;
///
/// assert_eq!(MigrateError::new("a cursor of 2019").to_string(), "a cursor of 2019");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MigrateError(String);

impl MigrateError {
    /// Says what is wrong with the value.
    pub fn new(message: impl Display) -> Self {
        Self(message.to_string())
    }

    fn missing(what: &str, from: u16, to: u16) -> Self {
        Self(format!("the value has version {from}, the code has version {to}: implement `Task::{what}`"))
    }
}

impl From<longhaul_core::envelope::DecodeError> for MigrateError {
    fn from(error: longhaul_core::envelope::DecodeError) -> Self {
        Self::new(error)
    }
}
