//! One run to be enqueued.

use std::{
    future::IntoFuture,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use longhaul_core::{NewRun, Priority, Queue, RetryPolicy, Tag, limits::TAGS_MAX, run::Due, store::InsertError};

use super::{Client, EnqueueError, RunHandle};
use crate::{
    definition::{Definition, DefinitionError, TaskTypes},
    values::{Form, ValueError},
};

/// A run to be enqueued: say how, and await it. Awaited, it gives the run's handle, and the run is durable: it will be
/// executed, whatever happens to this process.
///
/// ```
/// # use longhaul::{doc::CountUp, doc::Count, Client};
/// # use std::time::Duration;
/// # async fn enqueue(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
/// let run = client
///     .enqueue::<CountUp>(Count { to: 1_000_000 })
///     .after(Duration::from_secs(60))
///     .tag("customer", "7")
///     .await?;
/// println!("{} will run in a minute", run.id());
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Nothing is kept when a value or a name is refused. When the store fails, the run may be kept or not.
///
/// # Cancel safety
/// When the future is dropped before it is ready, the run is either enqueued or not.
#[must_use = "nothing is enqueued before this is awaited"]
pub struct Enqueue<T: TaskTypes> {
    client: Client,
    definition: Result<Definition<T>, DefinitionError>,
    metadata: T::Metadata,
    execution_metadata: Option<T::ExecutionMetadata>,
    options: Options,
}

#[derive(Default)]
struct Options {
    due: Option<Due>,
    queue: Option<String>,
    priority: Option<Priority>,
    retry: Option<RetryPolicy>,
    timeout: Option<Duration>,
    tags: Vec<(String, String)>,
}

impl<T: TaskTypes> std::fmt::Debug for Enqueue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enqueue").finish_non_exhaustive()
    }
}

impl<T: TaskTypes> Enqueue<T> {
    pub(super) fn new(
        client: Client,
        definition: Result<Definition<T>, DefinitionError>,
        metadata: T::Metadata,
    ) -> Self {
        Self { client, definition, metadata, execution_metadata: None, options: Options::default() }
    }

    /// Begins with this execution metadata in place of the type's default.
    pub fn execution_metadata(mut self, execution_metadata: T::ExecutionMetadata) -> Self {
        self.execution_metadata = Some(execution_metadata);
        self
    }

    /// Not before `time`.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.options.due = Some(Due::At(time.into()));
        self
    }

    /// Not before `wait` has passed, counted by the store's clock.
    pub fn after(mut self, wait: Duration) -> Self {
        self.options.due = Some(Due::After(wait));
        self
    }

    /// In this queue, whatever the task's options say.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.options.queue = Some(queue.into());
        self
    }

    /// Ahead of due runs of a lower priority.
    pub fn priority(mut self, priority: i8) -> Self {
        self.options.priority = Some(Priority(priority));
        self
    }

    /// Tried again by this policy, whatever the task's options say.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.options.retry = Some(policy);
        self
    }

    /// One attempt may take so long, whatever the task's options say.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// To be found by. At most 16 tags, of 256 bytes a side.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in numbers and strings as they have them")]
    pub fn tag(mut self, key: impl Into<String>, value: impl ToString) -> Self {
        self.options.tags.push((key.into(), value.to_string()));
        self
    }

    async fn send(self) -> Result<RunHandle<T>, EnqueueError> {
        let definition = self.definition?;
        let common = &definition.common;
        let options = self.options;
        if options.tags.len() > TAGS_MAX {
            return Err(EnqueueError::TooManyTags(options.tags.len()));
        }
        if let Some(policy) = &options.retry {
            policy.check()?;
        }
        let tags = options.tags.iter().map(|(key, value)| Tag::new(key, value)).collect::<Result<Arc<[_]>, _>>()?;
        let metadata = common.metadata.encode(&self.metadata)?;
        let encode = |value: &T::ExecutionMetadata| Form::encode(&common.execution_metadata, value);
        let execution_metadata = self.execution_metadata.as_ref().map(encode).transpose()?;
        let new = NewRun {
            due: options.due,
            queue: options.queue.map_or(Ok(common.queue.clone()), |queue| Queue::new(&queue))?,
            priority: options.priority.unwrap_or(common.options.priority),
            tags,
            policy: options.retry.unwrap_or_else(|| common.options.retry.clone()),
            timeout: options.timeout.or(common.options.timeout),
            execution_metadata,
            ..definition.new_run(&self.client, metadata)
        };
        let id = new.id;
        let answer = self.client.store().insert(vec![new]).await?.pop().expect("one answer for one run");
        match answer {
            Ok(()) => Ok(RunHandle::new(self.client, definition, id)),
            Err(error @ InsertError::Duplicate(_)) => Err(error.into()),
        }
    }
}

impl<T: TaskTypes> Definition<T> {
    /// A run as the task's options say.
    pub(super) fn new_run(&self, client: &Client, metadata: longhaul_core::Envelope) -> NewRun {
        let common = &self.common;
        NewRun {
            id: client.inner.ids.run(client.inner.clock.now()),
            kind: common.kind().clone(),
            version: common.version,
            queue: common.queue.clone(),
            priority: common.options.priority,
            tags: [].into(),
            policy: common.options.retry.clone(),
            timeout: common.options.timeout,
            due: None,
            metadata,
            execution_metadata: None,
        }
    }

    pub(super) fn encode_metadata(&self, metadata: &T::Metadata) -> Result<longhaul_core::Envelope, ValueError> {
        self.common.metadata.encode(metadata)
    }
}

impl<T: TaskTypes> IntoFuture for Enqueue<T> {
    type Output = Result<RunHandle<T>, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
