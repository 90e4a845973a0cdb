//! Making a run apart from keeping it: everything about an enqueue that needs no store.

use std::{fmt, sync::Arc};

use longhaul_core::{
    Batch, Constraints, Inserted, Key, Label, NewRun, Parent, Queue, RunId, Tag,
    limits::{AWAITED_RUNS_MAX, TAGS_MAX, TRACE_MAX},
};

use super::{
    Client, Enqueue, EnqueueError, RunHandle,
    enqueue::{NewChild, Options},
    order_key::OrderKey,
    unique::{Enqueued, UniqueKey},
};
use crate::{
    definition::Definition,
    new_run::Origin,
    payload::Payload,
    task::{TaskDefinition, TaskFn, TaskTypes},
    values::FingerprintCache,
};

/// In place of a [`Client`]: an [`Enqueue`] that belongs to no store. See [`new_run`].
///
/// ```
/// use longhaul::{Detached, Enqueue, doc::{Count, CountUp}};
///
/// let builder: Enqueue<CountUp, Detached> = longhaul::new_run(Count { to: 3 });
/// assert!(builder.prepare().is_ok());
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Detached;

/// A run of `T` to be prepared without a client: for code that hands it to a store itself, for instance inside a
/// transaction of its own database.
///
/// ```
/// use longhaul::doc::{Count, CountUp};
///
/// let prepared = longhaul::new_run::<CountUp>(Count { to: 3 }).tag("order", 7).acting_as("shop").prepare()?;
/// assert_eq!(prepared.new_run().kind.as_str(), "count-up");
/// # Ok::<(), longhaul::EnqueueError>(())
/// ```
///
/// The codec of its values is the one that the task's [options](crate::TaskOptions::codec) name in the program that
/// prepares the run; each value is stored with its codec, and readers go by that.
pub fn new_run<T: TaskDefinition>(metadata: T::Metadata) -> Enqueue<T, Detached> {
    Enqueue::new(Detached, Origin::shared().clone(), Definition::of_task(FingerprintCache::shared()), metadata)
}

/// The same for a function. See [`Client::enqueue_fn`].
///
/// ```
/// use longhaul::{AnyError, TaskFn};
///
/// const RESIZE: TaskFn<String, (), u64, AnyError> = TaskFn::new("resize");
///
/// let prepared = longhaul::new_run_fn(RESIZE, "cat.png".to_owned()).prepare()?;
/// assert_eq!(prepared.new_run().kind.as_str(), "resize");
/// # Ok::<(), longhaul::EnqueueError>(())
/// ```
pub fn new_run_fn<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display>(
    function: TaskFn<M, X, R, E>,
    metadata: M,
) -> Enqueue<TaskFn<M, X, R, E>, Detached> {
    let definition = Definition::of_fn(function, FingerprintCache::shared()).checked();
    Enqueue::new(Detached, Origin::shared().clone(), definition, metadata)
}

/// A run that can be handed to a store: its values are encoded, and all that can be refused without asking a store was
/// checked. Made by [`Enqueue::prepare`]. It is kept nowhere yet.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
/// let prepared = client.enqueue::<CountUp>(Count { to: 3 }).unique("order 7").prepare()?;
///
/// // What `send` does: the method of the store may be another one, such as an insert inside a transaction.
/// let mut answers = client.store().insert(vec![prepared.new_run().clone()]).await?;
/// let enqueued = prepared.enqueued(&client, answers.remove(0)?);
/// assert!(enqueued.is_new());
/// # Ok(())
/// # }
/// ```
///
/// To hand it in again after a failure is safe: a store refuses the second run of an id.
#[must_use = "it is not enqueued: hand it to a store, or call `send`"]
pub struct PreparedRun<T: TaskTypes> {
    new: NewRun,
    definition: Definition<T>,
}

impl<T: TaskTypes> Clone for PreparedRun<T> {
    fn clone(&self) -> Self {
        Self { new: self.new.clone(), definition: self.definition.clone() }
    }
}

impl<T: TaskTypes> fmt::Debug for PreparedRun<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PreparedRun({}, {})", self.new.id, self.new.kind)
    }
}

impl<T: TaskTypes> PreparedRun<T> {
    /// The id that the run will have. With a [unique key](Enqueue::unique), the run that is there in the end may have
    /// another one.
    pub fn id(&self) -> RunId {
        self.new.id
    }

    /// What a store takes.
    pub fn new_run(&self) -> &NewRun {
        &self.new
    }

    /// The same, without a copy.
    pub fn into_new_run(self) -> NewRun {
        self.new
    }

    /// Keeps the run in the store of `client`.
    ///
    /// # Errors
    /// When the store refuses the run, or fails: then the run may be kept or not.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the run is either enqueued or not.
    pub async fn send(self, client: &Client) -> Result<Enqueued<T>, EnqueueError> {
        let Self { new, definition } = self;
        let id = new.id;
        let answer = client.store().insert(vec![new]).await?.pop().expect("one answer for one run");
        Ok(enqueued(client, &definition, id, answer?))
    }

    /// What a store's answer means, with handles that go through `client`.
    pub fn enqueued(&self, client: &Client, answer: Inserted) -> Enqueued<T> {
        enqueued(client, &self.definition, self.new.id, answer)
    }

    pub(super) fn into_parts(self) -> (NewRun, Definition<T>) {
        (self.new, self.definition)
    }
}

impl<T: TaskTypes> From<PreparedRun<T>> for NewRun {
    fn from(prepared: PreparedRun<T>) -> Self {
        prepared.new
    }
}

pub(super) fn enqueued<T: TaskTypes>(
    client: &Client,
    definition: &Definition<T>,
    id: RunId,
    answer: Inserted,
) -> Enqueued<T> {
    let handle = |id| RunHandle::new(client.clone(), definition.clone(), id);
    match answer {
        Inserted::New => Enqueued::New(handle(id)),
        Inserted::Existing { id, state } => Enqueued::Existing { run: handle(id), state },
        Inserted::Replaced { id } => Enqueued::Replaced(handle(id)),
    }
}

impl<T: TaskTypes, C> Enqueue<T, C> {
    /// Makes the run without keeping it: encodes its values, and checks all that can be checked without asking a store.
    /// See [`PreparedRun`].
    ///
    /// # Errors
    /// When a value or a name is refused.
    pub fn prepare(self) -> Result<PreparedRun<T>, EnqueueError> {
        let Self { origin, definition, metadata, execution_metadata, options, .. } = self;
        let definition = definition?;
        let common = &definition.common;
        let (options, callback) = options.with_callback()?;
        let Options {
            due,
            queue,
            priority,
            retry,
            timeout,
            tags,
            unique,
            limit_key,
            requires,
            trace,
            expires,
            ordered,
            child,
            after,
            on_cancel,
            callback: _,
        } = options;
        if let Some(policy) = &retry {
            policy.check()?;
        }
        let said = tags.iter().map(|(key, value)| Tag::new(key, value)).collect::<Result<Vec<_>, _>>()?;
        if let Some(trace) = trace.as_ref().filter(|trace| trace.len() > TRACE_MAX) {
            return Err(EnqueueError::TraceTooLong(trace.len()));
        }
        if let Some(after) = after.as_ref().filter(|after| after.runs.len() > AWAITED_RUNS_MAX) {
            return Err(EnqueueError::TooManyAwaited(after.runs.len()));
        }
        let constraints = Constraints {
            limit_key: limit_key.as_deref().map(Key::new).transpose()?,
            unique: unique.map(UniqueKey::checked).transpose()?,
            requires: requires.iter().map(|label| Label::new(label)).collect::<Result<_, _>>()?,
            trace: trace.map(Into::into),
            expires,
            ordered: ordered.map(OrderKey::checked).transpose()?,
            parent: child.map(NewChild::checked).transpose()?,
            after,
            on_cancel,
            batch: callback.map(Batch::from),
        };
        let child_id = constraints.parent.as_ref().map(Parent::child_id);
        let mut new = definition.new_run(&origin, &metadata, constraints)?;
        // What was said goes before what marks of the schema give.
        let marked = new.tags.iter().filter(|marked| said.iter().all(|tag| tag.key != marked.key)).cloned();
        let tags: Arc<[Tag]> = marked.chain(said.iter().cloned()).collect();
        if tags.len() > TAGS_MAX {
            return Err(EnqueueError::TooManyTags(tags.len()));
        }
        let encode = |value: &T::ExecutionMetadata| common.execution_metadata.encode(value);
        new.execution_metadata = execution_metadata.as_ref().map(encode).transpose()?;
        (new.id, new.due, new.tags) = (child_id.unwrap_or(new.id), due, tags);
        if let Some(queue) = queue {
            new.queue = Queue::new(&queue)?;
        }
        new.priority = priority.unwrap_or(new.priority);
        new.policy = retry.unwrap_or(new.policy);
        new.timeout = timeout.or(new.timeout);
        Ok(PreparedRun { new, definition })
    }
}
