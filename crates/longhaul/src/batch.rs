//! Batches: runs that are added to a group, and one run that begins when the group is done.
//!
//! The group is that run: its members are its children. So counts, cancellations, retention and names are those of
//! children, and no server has to know what a batch is.

mod members;

use std::{fmt, future::IntoFuture, pin::Pin, time::Duration};

use longhaul_core::{
    CallbackWhen, ChildCounts, NewRun, RunId, StoreError,
    limits::PAGE_MAX,
    store::{CancelError, Cancelled, RetryFrom, UpdateError},
};

pub use members::Members;

use crate::{
    children::{ChildOf, insert_children},
    client::{
        Client, Enqueue, EnqueueError, Enqueued, FindByKeyError, NewChild, Request, RunHandle, Selected, batch_key,
    },
    task::{TaskDefinition, TaskTypes},
};

/// How long the name of a batch is taken, unless said otherwise.
const NAMED_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A batch to be made: say how, and await it. See [`Client::batch`].
///
/// ```
/// use longhaul::{Client, EnqueueError, doc::{Count, CountUp}};
///
/// async fn make(client: &Client) -> Result<(), EnqueueError> {
///     let callback = client.enqueue::<CountUp>(Count { to: 3 });
///     let batch = client.batch("import 7", callback).once_any_failed().await?;
///     batch.add::<CountUp>("line 1", Count { to: 1 }).await?;
///     Ok(())
/// }
/// ```
#[must_use = "nothing is made before this is awaited"]
pub struct NewBatch<T: TaskTypes> {
    client: Client,
    name: String,
    callback: Enqueue<T>,
    when: CallbackWhen,
    named_for: Duration,
}

impl<T: TaskTypes> fmt::Debug for NewBatch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewBatch").field("name", &self.name).field("when", &self.when).finish_non_exhaustive()
    }
}

/// Runs that belong together, and the run that begins when they are done. Cheap to clone; holding one keeps nothing alive.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, testing::TestServer};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = TestServer::start(|builder| builder.task(CountUp));
/// # let client = server.client();
/// let report = client.enqueue::<CountUp>(Count { to: 3 });
/// let batch = client.batch("import 7", report).await?;
/// batch.add_all::<CountUp>((1..=100).map(|line| (format!("line {line}"), Count { to: line }))).await?;
/// let report = batch.close().await?;
/// assert_eq!(report.outcome().await?.completed(), Some(3));
/// assert_eq!(batch.progress().await?.to_string(), "100 of 100");
/// # Ok(())
/// # }
/// ```
pub struct Batch<T: TaskTypes> {
    client: Client,
    run: RunHandle<T>,
    members: Members,
}

impl<T: TaskTypes> Clone for Batch<T> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), run: self.run.clone(), members: self.members.clone() }
    }
}

impl<T: TaskTypes> fmt::Debug for Batch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({})", self.run.id())
    }
}

impl Client {
    /// A batch: `callback` is a run of any task, and begins once all members were added ([`Batch::close`]) and are final,
    /// however they ended; [`once_all_completed`](NewBatch::once_all_completed) and
    /// [`once_any_failed`](NewBatch::once_any_failed) say otherwise. All that an [`Enqueue`] can say of a run may be said of
    /// it, but for a unique key and [`after_runs`](Enqueue::after_runs). Awaited, it gives the [`Batch`], which is durable.
    ///
    /// The name makes it the same batch when this is done again, also in another process: its name is taken for 30 days,
    /// whether or not it is done by then ([`named_for`](NewBatch::named_for) says otherwise), within the kind of the
    /// callback. What is said of it the first time holds. So a program that was killed while it added members does all of
    /// it again, and adds those that were missing. The name is the title of the callback, unless that has one.
    ///
    /// See the guide, "Runs of runs".
    ///
    /// # Errors
    /// As [`Client::enqueue`]. [`EnqueueError::Callback`] if the callback has a unique key, or comes after other runs.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the batch is either there or not; making it again is harmless.
    pub fn batch<T: TaskTypes>(&self, name: impl Into<String>, callback: Enqueue<T>) -> NewBatch<T> {
        let (client, name) = (self.clone(), name.into());
        NewBatch { client, name, callback, when: CallbackWhen::default(), named_for: NAMED_FOR }
    }

    /// The batch of this name whose callback is a run of `T`; `None`: there is none, or its name is free again.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// client.batch("import 7", client.enqueue::<CountUp>(Count { to: 3 })).await?;
    /// let batch = client.find_batch::<CountUp>("import 7").await?.expect("it was made");
    /// assert_eq!(batch.progress().await?.to_string(), "0 of 0");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the store fails, or the name cannot be that of a batch.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn find_batch<T: TaskDefinition>(&self, name: &str) -> Result<Option<Batch<T>>, FindByKeyError> {
        match self.find_by_key::<T>(&batch_key(name)).await? {
            Some(run) => Ok(Some(Batch::of(self.clone(), run).await?)),
            None => Ok(None),
        }
    }
}

impl<T: TaskTypes> NewBatch<T> {
    /// The callback begins when all members have completed. One that failed, or was cancelled, holds it until it is
    /// [retried](Batch::retry_failed) and completes.
    pub fn once_all_completed(mut self) -> Self {
        self.when = CallbackWhen::AllCompleted;
        self
    }

    /// The callback begins as soon as a member has failed for good, while others may still be executed; if none fails, when
    /// all are final. It begins once in any case.
    pub fn once_any_failed(mut self) -> Self {
        self.when = CallbackWhen::AnyFailed;
        self
    }

    /// The name is taken for this long after the batch is made, in place of 30 days.
    pub fn named_for(mut self, period: Duration) -> Self {
        self.named_for = period;
        self
    }
}

impl<T: TaskTypes> IntoFuture for NewBatch<T> {
    type Output = Result<Batch<T>, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { client, name, callback, when, named_for } = self;
        Box::pin(async move {
            match callback.callback_of(name, when, named_for).prepare()?.send(&client).await? {
                Enqueued::New(run) => {
                    let members = Members::of(client.clone(), run.id());
                    Ok(Batch { client, run, members })
                }
                there => Ok(Batch::of(client, there.run()).await?),
            }
        })
    }
}

impl<T: TaskTypes> Batch<T> {
    /// Of a callback that is there: it may be a retry of the first.
    async fn of(client: Client, run: RunHandle<T>) -> Result<Self, StoreError> {
        let members = Members::of_callback(client.clone(), run.id()).await?;
        Ok(Self { client, run, members })
    }

    /// The callback: it is suspended until the batch is done, and holds no slot.
    pub fn run(&self) -> &RunHandle<T> {
        &self.run
    }

    /// A member to be added: say how, and await it. The name makes it the same member when it is added again: there is one
    /// of each name, and what was said of it the first time holds. Names are those of this batch, up to 256 bytes.
    ///
    /// ```
    /// use longhaul::{Batch, EnqueueError, doc::{Count, CountUp}};
    ///
    /// async fn add(batch: &Batch<CountUp>) -> Result<(), EnqueueError> {
    ///     batch.add::<CountUp>("line 1", Count { to: 7 }).await?;
    ///     batch.add::<CountUp>("line 2", Count { to: 8 }).priority(1).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Client::enqueue`]. If the batch is closed, final or too large, the error is [`EnqueueError::Refused`] with
    /// [`InsertError::Child`](longhaul_core::store::InsertError::Child), unless a member of this name is there.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the member is either there or not; adding it again is harmless.
    pub fn add<M: TaskDefinition>(&self, name: impl Into<String>, metadata: M::Metadata) -> Enqueue<M, ChildOf> {
        let member = NewChild { parent: self.members.id(), epoch: None, depth: 1, name: name.into() };
        self.client.enqueue::<M>(metadata).via(ChildOf::new(self.client.clone())).child_of(member)
    }

    /// Many members, each with its name, a thousand in one call of the store. Those that are there already stay as they
    /// are. When it fails, some are added; doing it again adds the rest. A batch has at most 100 000 members.
    ///
    /// # Errors
    /// As [`add`](Self::add): that of the first member that was refused.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, some are added; doing it again adds the rest.
    pub async fn add_all<M: TaskDefinition>(
        &self,
        members: impl IntoIterator<Item = (impl Into<String>, M::Metadata)>,
    ) -> Result<(), EnqueueError> {
        let mut members = members.into_iter();
        loop {
            let page = members.by_ref().take(PAGE_MAX);
            let new = page.map(|(name, metadata)| Ok(NewRun::from(self.add::<M>(name, metadata).prepare()?)));
            let new = new.collect::<Result<Vec<_>, EnqueueError>>()?;
            if new.is_empty() {
                return Ok(());
            }
            insert_children(&self.client, new).await?;
        }
    }

    /// All members are added: from now on the callback waits for them alone, and no other member is added. A batch without
    /// members begins its callback at once. Closing one that is closed changes nothing. Gives the callback.
    ///
    /// # Errors
    /// When the store fails, or the callback was removed.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the batch is either closed or not; closing it again is harmless.
    pub async fn close(&self) -> Result<RunHandle<T>, UpdateError> {
        match self.run.close_batch().await {
            // It was closed before, and its callback may have ended since.
            Ok(_) | Err(UpdateError::Refused { .. }) => Ok(self.run.clone()),
            Err(error) => Err(error),
        }
    }

    /// How many members there are, and how far: "7312 of 10000, 12 failed". It costs the same for ten as for ten thousand.
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn progress(&self) -> Result<ChildCounts, StoreError> {
        self.members.counts().await
    }

    /// The members, to be looked at and changed.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// Cancels the batch: its callback does not begin any more, and the members that are not final are cancelled too, a few
    /// hundred at a time, by whatever process comes next if this one is killed. If the callback was enqueued with
    /// [`on_cancel`](Enqueue::on_cancel), that says what becomes of the members. Await it; see [`Request`] for saying why.
    ///
    /// # Errors
    /// [`CancelError::Final`] if the callback has ended.
    pub fn cancel(&self) -> Request<'static, Result<Cancelled, CancelError>> {
        self.run.cancel()
    }

    /// Retries all members that failed and were not retried, whether or not the batch is closed: the new runs count in their
    /// place. A callback that has begun does not begin again.
    ///
    /// # Errors
    /// When the store fails. Members that refused it are in the answer.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, some are retried; doing it again retries the rest.
    pub async fn retry_failed(&self, from: RetryFrom) -> Result<Selected, StoreError> {
        self.members.select().state(longhaul_core::StateKind::Failed).not_retried().retry(from).await
    }

    /// The id of the callback. It is the id of the batch.
    pub fn id(&self) -> RunId {
        self.run.id()
    }
}
