//! What enqueues runs, finds them and changes them: typed, and usable from any process that has the store.

mod bulk;
mod by_key;
mod callback;
mod control;
mod ended;
mod enqueue;
mod error;
mod find;
mod handle;
mod kinds;
mod list;
mod log;
mod order_key;
mod outcome;
mod prepare;
mod proceed;
mod request;
mod retry;
mod schedules;
mod select;
mod signal;
mod status;
mod unique;
mod update;
mod views;
mod watch;

use std::{fmt, sync::Arc, time::Duration};

pub use longhaul_core::store::RetryFrom;
use longhaul_core::{
    Actor, Clock, RunId, Snapshot, Store, StoreError,
    store::{EndedCursor, EndedError, EndedRequest, GetError},
};
use tokio_util::sync::CancellationToken;

pub use crate::new_run::EnqueueError;
pub use bulk::BulkError;
pub(crate) use callback::batch_key;
pub use control::ScopeControl;
pub use ended::{EndedRuns, EndedRunsError};
pub use enqueue::Enqueue;
pub(crate) use enqueue::NewChild;
pub use error::{FindByKeyError, OutcomeError, ProceedRunError, RetryRunError, SignalError};
pub use find::{Find, Found, FoundPage};
pub use handle::RunHandle;
pub use log::ReadLog;
pub use order_key::OrderKey;
pub use outcome::RunOutcome;
pub use prepare::{Detached, PreparedRun, new_run, new_run_fn};
pub use proceed::{ProceedFound, ProceedRun};
pub use request::Request;
pub use schedules::{ChangeSchedule, Schedules};
pub use select::{Select, Selected};
pub use signal::{SignalFound, SignalRun};
pub use status::RunStatus;
pub use unique::{Enqueued, UniqueKey};
pub use watch::{ProgressStream, Watch};

use crate::{
    definition::Definition,
    ids::IdSource,
    new_run::Origin,
    payload::Payload,
    runtime::Life,
    task::{TaskDefinition, TaskFn, TaskTypes},
    timed::Timed,
    values::FingerprintCache,
    views::Views,
};

/// Enqueues runs, finds them and changes them. Cheap to clone; does not execute anything, so a web server may have one
/// without being a worker.
///
/// ```
/// # use longhaul::{doc::CountUp, doc::Count};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = longhaul::doc::server();
/// # let client = server.client();
/// let run = client.enqueue::<CountUp>(Count { to: 3 }).tag("customer", "7").await?;
/// assert_eq!(run.outcome().await?.completed(), Some(3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// Who asks.
    by: Actor,
    /// What it can show and make without types.
    views: Views,
}

/// Who paused or changed something, where the client does not say.
const NOBODY: &str = "client";

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    shapes: FingerprintCache,
    /// Of the server that it is from; without one, it never ends.
    life: Life,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// A client of `store`. Calls that the store does not answer within 30 s fail.
    pub fn new(store: Arc<dyn Store>) -> Self {
        let clock = store.clock();
        Self::with(
            Timed::wrap(store, Timed::LIMIT),
            clock,
            IdSource::default(),
            FingerprintCache::default(),
            Life::default(),
        )
    }

    /// What waits on it ends with `life`.
    /// What a task does through its context.
    pub(crate) fn of_attempt(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self::with(store, clock, IdSource::default(), FingerprintCache::shared().clone(), Life::default())
    }

    pub(crate) fn with(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: IdSource,
        shapes: FingerprintCache,
        life: Life,
    ) -> Self {
        Self { inner: Arc::new(Inner { store, clock, ids, shapes, life }), by: Actor::UNKNOWN, views: Views::default() }
    }

    /// The same client, in the name of somebody: the history of each run says who enqueued, cancelled, suspended,
    /// proceeded or rescheduled it. The name is cut to 128 bytes; nobody checks it.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let run = client.acting_as("ann").enqueue::<CountUp>(Count { to: 3 }).await?;
    /// client.acting_as("bob").run::<CountUp>(run.id()).cancel().because("too many").await?;
    /// let told: Vec<String> = run.status().await?.history().lines().map(|line| line.to_string()).collect();
    /// assert_eq!(told, ["enqueued by ann", "cancelled by bob: too many"]);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn acting_as(&self, name: &str) -> Self {
        Self { by: Actor::named(name), ..self.clone() }
    }

    /// Enqueues a run of `T`; await what it returns. See [`Enqueue`].
    pub fn enqueue<T: TaskDefinition>(&self, metadata: T::Metadata) -> Enqueue<T> {
        Enqueue::new(self.clone(), self.origin(), self.definition::<T>().checked(), metadata)
    }

    /// Enqueues a run of a function that is registered as a task.
    ///
    /// ```
    /// use longhaul::{AnyError, TaskFn};
    /// # use longhaul::Client;
    /// # async fn enqueue(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    /// const RESIZE: TaskFn<String, (), u64, AnyError> = TaskFn::new("resize");
    ///
    /// let run = client.enqueue_fn(RESIZE, "cat.png".to_owned()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn enqueue_fn<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display>(
        &self,
        function: TaskFn<M, X, R, E>,
        metadata: M,
    ) -> Enqueue<TaskFn<M, X, R, E>> {
        Enqueue::new(self.clone(), self.origin(), Definition::of_fn(function, &self.inner.shapes).checked(), metadata)
    }

    /// Enqueues many runs of `T` at once, far faster than one by one. Answers in the order of `metadata`.
    ///
    /// The runs are handed to the store 4096 at a time; an error says how many are kept. A value that cannot be kept
    /// refuses all of them before any is.
    pub async fn enqueue_all<T: TaskDefinition>(
        &self,
        metadata: impl IntoIterator<Item = T::Metadata>,
    ) -> Result<Vec<RunHandle<T>>, BulkError> {
        bulk::enqueue_all(self, self.definition::<T>().checked(), metadata, Duration::ZERO).await
    }

    /// Enqueues many runs at once, each as its builder says: with its own key, tags, priority, queue and time. As fast as
    /// [`enqueue_all`](Client::enqueue_all), but each run is enqueued or refused by itself, and has its own answer, in the
    /// order of the builders.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let orders = [7, 8, 7];
    /// let builders = orders.map(|order| {
    ///     client.enqueue::<CountUp>(Count { to: order }).unique(format!("order {order}")).tag("order", order)
    /// });
    /// let answers = client.enqueue_many(builders).await;
    /// let new = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|enqueued| enqueued.is_new())).count();
    /// assert_eq!(new, 2); // the third is told of the first, which has its key
    /// for answer in answers {
    ///     println!("{}", answer?.run().id());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The runs are handed to the store 4096 at a time, those of one call all durable at once. They go to the store of
    /// this client, in the name of the clients that made the builders.
    ///
    /// # Errors
    /// Each answer is one of its own. [`EnqueueError::Store`] says that the store failed: that run may be enqueued or not,
    /// and the ones after it have the same answer.
    ///
    /// # Cancel safety
    /// When the future is dropped, some of the runs are enqueued and some are not.
    #[must_use = "each answer says whether its run is enqueued"]
    pub fn enqueue_many<T: TaskTypes>(
        &self,
        builders: impl IntoIterator<Item = Enqueue<T>>,
    ) -> impl Future<Output = Vec<Result<Enqueued<T>, EnqueueError>>> + Send {
        let prepared = builders.into_iter().map(Enqueue::prepare).collect();
        bulk::enqueue_many(self, prepared)
    }

    /// The same as [`enqueue_all`](Client::enqueue_all), with the runs due evenly over `over` from now on, the first at once: so that what they call is not
    /// called by all of them at the same time.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// let hour = Duration::from_secs(3600);
    /// let runs = client.enqueue_spread::<CountUp>((1..=4).map(|to| Count { to }), hour).await?;
    /// let (first, third) = (runs[0].status().await?, runs[2].status().await?);
    /// let due = |status: &longhaul::RunStatus<CountUp>| status.run().state.due().expect("it waits");
    /// assert_eq!(due(&third).since(due(&first)), hour / 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn enqueue_spread<T: TaskDefinition>(
        &self,
        metadata: impl IntoIterator<Item = T::Metadata>,
        over: Duration,
    ) -> Result<Vec<RunHandle<T>>, BulkError> {
        bulk::enqueue_all(self, self.definition::<T>().checked(), metadata, over).await
    }

    /// The run of `T` with this id. Does not look whether there is one.
    pub fn run<T: TaskDefinition>(&self, id: RunId) -> RunHandle<T> {
        RunHandle::new(self.clone(), self.definition::<T>(), id)
    }

    /// The run of a function with this id. Does not look whether there is one.
    pub fn run_fn<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display>(
        &self,
        function: TaskFn<M, X, R, E>,
        id: RunId,
    ) -> RunHandle<TaskFn<M, X, R, E>> {
        RunHandle::new(self.clone(), Definition::of_fn(function, &self.inner.shapes), id)
    }

    /// Looks for runs of `T`. See [`Find`].
    pub fn find<T: TaskDefinition>(&self) -> Find<T> {
        Find::new(self.clone(), self.definition::<T>())
    }

    /// Looks for runs of a function.
    pub fn find_fn<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display>(
        &self,
        function: TaskFn<M, X, R, E>,
    ) -> Find<TaskFn<M, X, R, E>> {
        Find::new(self.clone(), Definition::of_fn(function, &self.inner.shapes))
    }

    /// A run that was read without its types, as one of `T`: for what lists runs of several kinds by
    /// [`Select::page`], and knows some of them.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// use longhaul::Task;
    ///
    /// client.enqueue::<CountUp>(Count { to: 3 }).await?;
    /// for snapshot in client.select().newest_first().page(None, 20).await?.runs {
    ///     match snapshot.run.kind.as_str() {
    ///         CountUp::NAME => println!("up to {}", client.typed::<CountUp>(snapshot)?.metadata()?.to),
    ///         kind => println!("a run of {kind}"),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutcomeError::OtherKind`] for a run of another task.
    pub fn typed<T: TaskDefinition>(&self, snapshot: Snapshot) -> Result<RunStatus<T>, OutcomeError> {
        self.run::<T>(snapshot.run.id).typed(snapshot)
    }

    /// The same for the run of a function.
    ///
    /// # Errors
    /// [`OutcomeError::OtherKind`] for a run of another task.
    pub fn typed_fn<M: Payload, X: Payload + Default, R: Payload, E: Payload + fmt::Display>(
        &self,
        function: TaskFn<M, X, R, E>,
        snapshot: Snapshot,
    ) -> Result<RunStatus<TaskFn<M, X, R, E>>, OutcomeError> {
        self.run_fn(function, snapshot.run.id).typed(snapshot)
    }

    /// Everything known of a run, without its types: for tools that serve all kinds.
    pub async fn snapshot(&self, id: RunId) -> Result<Snapshot, GetError> {
        self.store().get(id).await
    }

    /// The run with this id, or, if it was retried by hand, the newest; `None`: there is none.
    pub(crate) async fn latest<T: TaskDefinition>(&self, mut id: RunId) -> Result<Option<RunStatus<T>>, OutcomeError> {
        loop {
            match self.snapshot(id).await {
                Ok(snapshot) => match snapshot.run.lineage.successor {
                    Some(successor) => id = successor,
                    None => return self.typed(snapshot).map(Some),
                },
                Err(GetError::NotFound(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The runs of all kinds that ended after a cursor, whatever ended them and in whatever process: for what has to be
    /// done about each end once, such as a callback or a row in an outbox. [`EndedCursor::START`] begins with the oldest
    /// that is still there, [`ended_so_far`](Self::ended_so_far) with those to come. No end is skipped, and none is told
    /// twice to a reader who keeps the cursor. A store that an earlier release wrote has no order of the ends that it
    /// kept then: they are not told.
    pub fn ended(&self, after: EndedCursor) -> EndedRuns {
        EndedRuns::new(self.clone(), after)
    }

    /// The cursor after all runs that have ended so far.
    pub async fn ended_so_far(&self) -> Result<EndedCursor, StoreError> {
        let request = EndedRequest { after: EndedCursor::START, limit: 1, wait: false };
        match self.store().ended(request).await {
            Ok(page) => Ok(page.latest),
            Err(EndedError::Overtaken { resume }) => Ok(resume),
            Err(EndedError::Store(error)) => Err(error),
        }
    }

    /// Becomes cancelled when the server that this client belongs to begins to shut down, is dropped, or its store breaks:
    /// then code that waits with this client, or streams something, should end. The token of a client that belongs to no
    /// server is never cancelled. Cancelling the token yourself stops nothing.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let server = longhaul::doc::server();
    /// let stopping = server.client().stopping();
    /// server.shutdown(std::time::Duration::from_secs(5)).await;
    /// assert!(stopping.is_cancelled());
    /// # }
    /// ```
    pub fn stopping(&self) -> CancellationToken {
        self.inner.life.stopping.child_token()
    }

    /// The store, for what this client does not offer.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    fn origin(&self) -> Origin {
        Origin { ids: self.inner.ids.clone(), clock: self.inner.clock.clone(), by: self.by.clone() }
    }

    fn definition<T: TaskDefinition>(&self) -> Definition<T> {
        Definition::named(&self.inner.shapes)
    }
}
