//! One run to be enqueued.

use std::{future::IntoFuture, pin::Pin, time::Duration};

use longhaul_core::{
    Actor, After, CallbackWhen, Epoch, Key, OnCancel, Parent, Priority, RetryPolicy, Run, RunId, Timestamp,
    name::NameError, run::Due,
};

use super::{
    Client, EnqueueError, RunHandle,
    order_key::OrderKey,
    unique::{Enqueued, UniqueKey},
};
use crate::{
    definition::{Definition, DefinitionError},
    new_run::Origin,
    task::TaskTypes,
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
///
/// # Without a store
/// [`prepare`](Self::prepare) makes the run and keeps it nowhere, so that it can be handed to any method of a store, for
/// instance inside a transaction. [`new_run`](crate::new_run) is such a builder without a client.
#[must_use = "nothing is enqueued before this is awaited"]
pub struct Enqueue<T: TaskTypes, C = Client> {
    via: C,
    pub(super) origin: Origin,
    pub(super) definition: Result<Definition<T>, DefinitionError>,
    pub(super) metadata: T::Metadata,
    pub(super) execution_metadata: Option<T::ExecutionMetadata>,
    pub(super) options: Options,
}

#[derive(Default)]
pub(super) struct Options {
    pub(super) due: Option<Due>,
    pub(super) queue: Option<String>,
    pub(super) priority: Option<Priority>,
    pub(super) retry: Option<RetryPolicy>,
    pub(super) timeout: Option<Duration>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) unique: Option<UniqueKey>,
    pub(super) limit_key: Option<String>,
    pub(super) requires: Vec<String>,
    pub(super) trace: Option<String>,
    pub(super) expires: Option<Due>,
    pub(super) ordered: Option<OrderKey>,
    pub(super) child: Option<NewChild>,
    pub(super) after: Option<After>,
    pub(super) on_cancel: OnCancel,
    pub(super) callback: Option<Callback>,
}

/// The batch that a new run is to be the callback of.
pub(super) struct Callback {
    pub(super) name: String,
    pub(super) when: CallbackWhen,
    pub(super) named_for: Duration,
}

/// Whose child a new run is to be.
pub(crate) struct NewChild {
    pub(crate) parent: RunId,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) depth: u8,
    pub(crate) name: String,
}

impl NewChild {
    pub(super) fn checked(self) -> Result<Parent, NameError> {
        let Self { parent: id, epoch, depth, name } = self;
        Ok(Parent { id, epoch, name: Key::new(&name)?, depth })
    }
}

impl<T: TaskTypes, C> std::fmt::Debug for Enqueue<T, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enqueue").finish_non_exhaustive()
    }
}

impl<T: TaskTypes, C> Enqueue<T, C> {
    pub(super) fn new(
        via: C,
        origin: Origin,
        definition: Result<Definition<T>, DefinitionError>,
        metadata: T::Metadata,
    ) -> Self {
        Self { via, origin, definition, metadata, execution_metadata: None, options: Options::default() }
    }

    pub(crate) fn as_via(&self) -> &C {
        &self.via
    }

    pub(crate) fn via<D>(self, via: D) -> Enqueue<T, D> {
        let Self { origin, definition, metadata, execution_metadata, options, .. } = self;
        Enqueue { via, origin, definition, metadata, execution_metadata, options }
    }

    pub(crate) fn child_of(mut self, child: NewChild) -> Self {
        self.options.child = Some(child);
        self
    }

    /// Begins with this execution metadata in place of the type's default.
    pub fn execution_metadata(mut self, execution_metadata: T::ExecutionMetadata) -> Self {
        self.execution_metadata = Some(execution_metadata);
        self
    }

    /// Not before `time`.
    pub fn at(mut self, time: impl Into<Timestamp>) -> Self {
        self.options.due = Some(Due::At(time.into()));
        self
    }

    /// Not before `wait` has passed, counted by the store's clock.
    pub fn after(mut self, wait: Duration) -> Self {
        self.options.due = Some(Due::After(wait));
        self
    }

    /// Not any more once `wait` has passed without an attempt that began, counted by the store's clock from when it is
    /// enqueued: the run ends as Cancelled then, with the reason `expired`. The store does it, whether or not a server
    /// executes the task, and no claim ever gets it. Once an attempt has begun, the run does not expire: retries,
    /// interruptions and suspensions may take as long as they take.
    ///
    /// A run that takes over what another brought (see [`UniqueKey::or_replace`]) expires as that one would. A retry by
    /// hand does not expire.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, RunOutcome};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = longhaul::testing::TestServer::start(|builder| builder);
    /// let minute = Duration::from_secs(60);
    /// let run = server.client().enqueue::<CountUp>(Count { to: 3 }).expires_after(minute).await?;
    /// server.advance(minute); // nobody executes it
    /// let RunOutcome::Cancelled { reason, .. } = run.outcome().await? else { panic!("it did not expire") };
    /// assert_eq!(reason.as_deref(), Some("expired"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn expires_after(mut self, wait: Duration) -> Self {
        self.options.expires = Some(Due::After(wait));
        self
    }

    /// The same, at `time`.
    pub fn expires_at(mut self, time: impl Into<Timestamp>) -> Self {
        self.options.expires = Some(Due::At(time.into()));
        self
    }

    /// Only when these runs are final, however they ended; at most 64. Until then the run is suspended: it costs claims
    /// nothing, [`explain`](RunHandle::explain) says what it waits for, and a proceed lets it begin all the same. A run that
    /// is not there, because it was removed, is not waited for. [`after`](Self::after) and [`at`](Self::at) hold besides.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, testing::TestServer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = TestServer::start(|builder| builder.task(CountUp));
    /// # let client = server.client();
    /// let first = client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// let second = client.enqueue::<CountUp>(Count { to: 4 }).after_runs([first.id()]).await?;
    /// assert!(second.outcome().await?.completed().is_some());
    /// assert!(first.status().await?.state().is_final());
    /// # Ok(())
    /// # }
    /// ```
    pub fn after_runs(mut self, runs: impl IntoIterator<Item = RunId>) -> Self {
        self.options.after = Some(After { runs: runs.into_iter().collect(), success_only: false });
        self
    }

    /// Only when all of these runs completed. If one of them ends in another way, or is not there, this one is cancelled; the
    /// reason names that run, and says how it ended.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, RunOutcome, testing::TestServer};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = TestServer::start(|builder| builder);
    /// # let client = server.client();
    /// let first = client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// let second = client.enqueue::<CountUp>(Count { to: 4 }).after_success_of([first.id()]).await?;
    /// first.cancel().await?;
    /// let RunOutcome::Cancelled { reason, .. } = second.outcome().await? else { panic!("it began") };
    /// assert_eq!(reason, Some(format!("{}, which it was to come after, is cancelled", first.id())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn after_success_of(mut self, runs: impl IntoIterator<Item = RunId>) -> Self {
        self.options.after = Some(After { runs: runs.into_iter().collect(), success_only: true });
        self
    }

    /// What becomes of its children when it is cancelled: they are cancelled too, unless this says otherwise.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, OnCancel};
    /// # async fn enqueue(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    /// client.enqueue::<CountUp>(Count { to: 3 }).on_cancel(OnCancel::Leave).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_cancel(mut self, on_cancel: OnCancel) -> Self {
        self.options.on_cancel = on_cancel;
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

    /// After all runs of this key that were enqueued before it: one starts when the one before is final, also through
    /// retries, suspensions, crashes and restarts. The key is common to all kinds and queues, and priorities do not change
    /// the order. See [`OrderKey`] for what a failed run does to those behind it.
    ///
    /// A run that waits for its turn is not due, so no claim looks at it, and however many wait, a claim costs the same.
    /// It can be cancelled and deleted as any other; [`explain`](RunHandle::explain) names the run that is ahead of it.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, store_api::Explanation};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = longhaul::testing::TestServer::start(|builder| builder);
    /// # let client = server.client();
    /// let first = client.enqueue::<CountUp>(Count { to: 3 }).ordered_by("account 7").await?;
    /// let second = client.enqueue::<CountUp>(Count { to: 3 }).ordered_by("account 7").await?;
    /// let Explanation::Behind { holder, .. } = second.explain().await? else { panic!("it is not behind") };
    /// assert_eq!(holder.map(|holder| holder.run), Some(first.id()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn ordered_by(mut self, key: impl Into<OrderKey>) -> Self {
        self.options.ordered = Some(key.into());
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

    /// In the name of somebody, in place of the one that the [client](Client::acting_as) names: the history of the run
    /// tells. The name is cut to 128 bytes; nobody checks it.
    pub fn acting_as(mut self, name: &str) -> Self {
        self.origin.by = Actor::named(name);
        self
    }
}

impl<T: TaskTypes> Enqueue<T> {
    /// With what `run` was enqueued with, but for its values, its unique key, its order and when it expires.
    pub(super) fn like(client: Client, definition: Definition<T>, metadata: T::Metadata, run: &Run) -> Self {
        let options = Options {
            queue: Some(run.queue.as_str().to_owned()),
            priority: Some(run.priority),
            retry: Some(run.policy.clone()),
            timeout: run.timeout,
            tags: run
                .tags
                .iter()
                // Those of the marks are given by the new metadata.
                .filter(|tag| !definition.common.gives_tag(&tag.key))
                .map(|tag| (tag.key.to_string(), tag.value.to_string()))
                .collect(),
            requires: run.constraints().requires.iter().map(|label| label.as_str().to_owned()).collect(),
            ..Options::default()
        };
        let origin = client.origin();
        Self { options, ..Self::new(client, origin, Ok(definition), metadata) }
    }

    /// The same as awaiting it, and says what happened: whether the run is new, or one that was there has its unique
    /// key.
    pub async fn send(self) -> Result<Enqueued<T>, EnqueueError> {
        let client = self.via.clone();
        self.prepare()?.send(&client).await
    }
}

impl<T: TaskTypes> IntoFuture for Enqueue<T> {
    type Output = Result<RunHandle<T>, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { Ok(self.send().await?.run()) })
    }
}
