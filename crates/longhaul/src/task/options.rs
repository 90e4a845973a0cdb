//! How runs of a kind are treated.

use std::time::Duration;

use longhaul_core::{Codec, Limits, Priority, Rate, Retention, RetryPolicy};

use super::schema::SchemaSource;

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
    codec: Option<Codec>,
    pub(crate) title: Option<String>,
    pub(crate) hides_values: bool,
    pub(crate) schema: Option<SchemaSource>,
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
            codec: None,
            title: None,
            hides_values: false,
            schema: None,
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

    /// Whether, and when, a failed attempt is followed by another.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How long one attempt may take. After that it is told to stop and counts as failed; the retry policy says whether
    /// another follows, from the last checkpoint.
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

    /// At most this many runs of this kind at the same time, on all servers together.
    ///
    /// A server declares the limits of its tasks when it starts; an operator may set others in their place.
    #[must_use]
    pub fn running_max(mut self, max: u32) -> Self {
        self.limits.running = Some(max);
        self
    }

    /// At most this many runs with the same [limit key](crate::Task::limit_key) at the same time, on all servers together.
    #[must_use]
    pub fn per_key_max(mut self, max: u32) -> Self {
        self.limits.per_key = Some(max);
        self
    }

    /// How many runs of this kind start in a period, on all servers together: no period, wherever it begins, has
    /// more of them.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.limits.rate = Some(rate);
        self
    }

    /// How many runs with the same [limit key](crate::Task::limit_key) start in a period.
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
    /// or `serde_json::Value`), or JSON. The default is bincode, and JSON for tasks with a schema (feature `schema`).
    #[must_use]
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = Some(codec);
        self
    }

    /// What people call runs of this kind, for dashboards and command lines; the default is the name of the task. It is
    /// cut to 256 bytes.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The values of the task are not shown to people by programs that know it ([`Views`](crate::Views)): not by a
    /// dashboard, a command line or an endpoint of all kinds. Code that reads them as their types is not affected, nor is
    /// a message of an error, which is always shown.
    ///
    /// A program that does not know the task shows JSON as it is stored, so leave the [codec](Self::codec) of such a task
    /// at bincode. It is no encryption: whoever has the store has the values.
    #[must_use]
    pub fn hide_values(mut self) -> Self {
        self.hides_values = true;
        self
    }

    /// The codec of new values: the one that was named. Without that, JSON if there is a schema and the values may be
    /// shown, so that a program without the code can read them.
    pub(crate) fn chosen_codec(&self) -> Codec {
        let shown = self.schema.is_some() && !self.hides_values;
        self.codec.unwrap_or(if shown { Codec::Json } else { Codec::Bincode })
    }
}
