//! One run to be enqueued.

use std::{
    future::IntoFuture,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use longhaul_core::{
    Constraints, Inserted, Key, Label, NewRun, Priority, Queue, RetryPolicy, Run, RunId, Tag,
    limits::{LABELS_MAX, TAGS_MAX, TRACE_MAX},
    run::Due,
    store::InsertError,
};

use super::{
    Client, EnqueueError, RunHandle,
    unique::{Enqueued, UniqueKey},
};
use crate::{
    definition::{Definition, DefinitionError, TaskTypes},
    values::{ValueError, ValueFormat},
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
    unique: Option<UniqueKey>,
    limit_key: Option<String>,
    requires: Vec<String>,
    trace: Option<String>,
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

    /// With what `run` was enqueued with, but for its values and its unique key.
    pub(super) fn like(client: Client, definition: Definition<T>, metadata: T::Metadata, run: &Run) -> Self {
        let options = Options {
            queue: Some(run.queue.as_str().to_owned()),
            priority: Some(run.priority),
            retry: Some(run.policy.clone()),
            timeout: run.timeout,
            tags: run.tags.iter().map(|tag| (tag.key.to_string(), tag.value.to_string())).collect(),
            requires: run.constraints().requires.iter().map(|label| label.as_str().to_owned()).collect(),
            ..Options::default()
        };
        Self { client, definition: Ok(definition), metadata, execution_metadata: None, options }
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

    /// Only one run at a time of this kind and key; see [`UniqueKey`]. A plain text is a key that is free again when its
    /// run is final, and gives the handle of the run that has it.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, Enqueued};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = longhaul::doc::client();
    /// let first = client.enqueue::<CountUp>(Count { to: 1_000_000 }).unique("account 7").await?;
    /// let second = client.enqueue::<CountUp>(Count { to: 1_000_000 }).unique("account 7").send().await?;
    /// assert!(matches!(second, Enqueued::Existing { run, .. } if run.id() == first.id()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn unique(mut self, key: impl Into<UniqueKey>) -> Self {
        self.options.unique = Some(key.into());
        self
    }

    /// Waits until nothing more came for `wait`, and then runs once, with the metadata that came last: as long as a run
    /// of this kind and key has not begun, the next takes its place and its time starts anew.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client};
    /// # use std::time::Duration;
    /// # async fn on_change(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    /// client.enqueue::<CountUp>(Count { to: 7 }).debounce("index 7", Duration::from_secs(5)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn debounce(self, key: impl Into<String>, wait: Duration) -> Self {
        self.unique(UniqueKey::new(key).while_waiting().or_debounce()).after(wait)
    }

    /// Shares a limit with other runs of this kind and key, whatever [`Task::limit_key`](crate::Task::limit_key) says.
    pub fn limit_key(mut self, key: impl Into<String>) -> Self {
        self.options.limit_key = Some(key.into());
        self
    }

    /// Executed only by servers that have this label, and all others that are asked for.
    pub fn requires(mut self, label: impl Into<String>) -> Self {
        self.options.requires.push(label.into());
        self
    }

    /// The trace that this comes from, as W3C's `traceparent`, of at most 128 bytes: kept with the run, and a field of the
    /// span that executes it, so that the two can be linked. The task finds it in [`Context::trace`](crate::Context::trace).
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let run = client.enqueue::<CountUp>(Count { to: 3 }).trace(parent).await?;
    /// assert_eq!(run.status().await?.run().constraints().trace.as_deref(), Some(parent));
    /// # Ok(())
    /// # }
    /// ```
    pub fn trace(mut self, traceparent: impl Into<String>) -> Self {
        self.options.trace = Some(traceparent.into());
        self
    }

    /// As awaiting it, and tells what happened: whether the run is new, or one that was there has its unique key.
    pub async fn send(self) -> Result<Enqueued<T>, EnqueueError> {
        self.insert().await
    }

    async fn insert(self) -> Result<Enqueued<T>, EnqueueError> {
        let client = self.client.clone();
        let (new, definition) = self.prepare()?;
        let id = new.id;
        let answer = client.store().insert(vec![new]).await?.pop().expect("one answer for one run");
        enqueued(&client, &definition, id, answer)
    }

    /// What is handed to the store. All that can be refused without asking it is refused here.
    pub(super) fn prepare(self) -> Result<(NewRun, Definition<T>), EnqueueError> {
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
        let mut constraints =
            definition.constraints(&self.metadata, options.limit_key, options.unique, options.requires)?;
        if let Some(trace) = options.trace {
            if trace.len() > TRACE_MAX {
                return Err(EnqueueError::TraceTooLong(trace.len()));
            }
            let with_trace =
                Constraints { trace: Some(trace.into()), ..constraints.as_deref().cloned().unwrap_or_default() };
            constraints = Some(with_trace.into());
        }
        let metadata = common.metadata.encode(&self.metadata)?;
        let encode = |value: &T::ExecutionMetadata| ValueFormat::encode(&common.execution_metadata, value);
        let execution_metadata = self.execution_metadata.as_ref().map(encode).transpose()?;
        let new = NewRun {
            due: options.due,
            queue: options.queue.map_or(Ok(common.queue.clone()), |queue| Queue::new(&queue))?,
            priority: options.priority.unwrap_or(common.options.priority),
            tags,
            policy: options.retry.unwrap_or_else(|| common.options.retry.clone()),
            timeout: options.timeout.or(common.options.timeout),
            constraints,
            execution_metadata,
            ..definition.new_run(&self.client, metadata)
        };
        Ok((new, definition))
    }
}

/// What the store's answer to one run means to who enqueued it.
pub(super) fn enqueued<T: TaskTypes>(
    client: &Client,
    definition: &Definition<T>,
    id: RunId,
    answer: Result<Inserted, InsertError>,
) -> Result<Enqueued<T>, EnqueueError> {
    let handle = |id| RunHandle::new(client.clone(), definition.clone(), id);
    Ok(match answer? {
        Inserted::New => Enqueued::New(handle(id)),
        Inserted::Existing { id, state } => Enqueued::Existing { run: handle(id), state },
        Inserted::Replaced { id } => Enqueued::Replaced(handle(id)),
    })
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
            constraints: None,
            metadata,
            execution_metadata: None,
            by: client.by.clone(),
        }
    }

    /// What else is asked of a run with this metadata.
    pub(super) fn constraints(
        &self,
        metadata: &T::Metadata,
        limit_key: Option<String>,
        unique: Option<UniqueKey>,
        mut requires: Vec<String>,
    ) -> Result<Option<Arc<Constraints>>, EnqueueError> {
        for label in &self.common.options.requires {
            if !requires.contains(label) {
                requires.push(label.clone());
            }
        }
        if requires.len() > LABELS_MAX {
            return Err(EnqueueError::TooManyLabels(requires.len()));
        }
        let limit_key = limit_key.or_else(|| (self.limit_key)(metadata));
        let constraints = Constraints {
            limit_key: limit_key.as_deref().map(Key::new).transpose()?,
            unique: unique.map(UniqueKey::checked).transpose()?,
            requires: requires.iter().map(|label| Label::new(label)).collect::<Result<_, _>>()?,
            trace: None,
        };
        Ok((!constraints.is_empty()).then(|| constraints.into()))
    }

    pub(super) fn encode_metadata(&self, metadata: &T::Metadata) -> Result<longhaul_core::Envelope, ValueError> {
        self.common.metadata.encode(metadata)
    }
}

impl<T: TaskTypes> IntoFuture for Enqueue<T> {
    type Output = Result<RunHandle<T>, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.insert().await?.run()) })
    }
}
