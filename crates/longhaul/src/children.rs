//! What a task does with runs of its own: it enqueues children, and looks at them.
//!
//! This is apart from the context, because a client needs tasks, and tasks need the context.

use std::{future::IntoFuture, pin::Pin};

use longhaul_core::{
    AwaitedRuns, ChildCounts, Key, NewRun, RunId, StoreError,
    limits::PAGE_MAX,
    name::NameError,
    store::{InsertError, RetryFrom},
};

use crate::{
    builders::SuspendedFor,
    client::{
        Client, Enqueue, EnqueueError, Find, NewChild, OutcomeError, RetryRunError, RunHandle, RunStatus, Select,
    },
    context::Context,
    payload::Payload,
    task::{TaskDefinition, TaskTypes},
};

/// The run to be enqueued becomes a child: what [`Context::enqueue_child`] and [`Batch::add`](crate::Batch::add) enqueue
/// through.
///
/// ```
/// use longhaul::{ChildOf, Context, Enqueue, doc::{Count, CountUp}};
///
/// fn child(ctx: &Context<(), ()>) -> Enqueue<CountUp, ChildOf> {
///     ctx.enqueue_child::<CountUp>("the first", Count { to: 3 })
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ChildOf(Client);

impl ChildOf {
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }
}

/// Inserts children that may be there already.
pub(crate) async fn insert_children(client: &Client, new: Vec<NewRun>) -> Result<(), EnqueueError> {
    for answer in client.store().insert(new).await? {
        match answer {
            Ok(_) | Err(InsertError::Duplicate(_)) => {}
            Err(refused) => return Err(refused.into()),
        }
    }
    Ok(())
}

/// # Children
/// A child is a run that names this one as its parent. See the guide, "Runs of runs".
impl<M: Payload, X: Payload> Context<M, X> {
    /// A child of this run, to be enqueued: say how, and await it. The name makes it the same child in every attempt: if
    /// there is one of this name already, its handle is the answer, and nothing is enqueued; what is said of it this time
    /// makes no difference. Names are those of this run, up to 256 bytes.
    ///
    /// Awaited, it gives the run's handle, and the child is durable.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Success, Suspended, doc::{Count, CountUp}};
    ///
    /// async fn execute(ctx: &Context<u64, ()>) -> ExecutionResult<(), AnyError> {
    ///     ctx.enqueue_child::<CountUp>("low", Count { to: 10 }).await?;
    ///     ctx.enqueue_child::<CountUp>("high", Count { to: 1_000 }).priority(1).await?;
    ///     if ctx.children().await?.open() > 0 {
    ///         return Suspended::for_result().on_all_children().for_error(); // without a slot
    ///     }
    ///     Success::with_empty_result().for_error()
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`Client::enqueue`](crate::Client::enqueue). If this attempt has lost its claim, if the run has too many children
    /// or too many runs are above it, the error is
    /// [`EnqueueError::Refused`](crate::EnqueueError::Refused) with [`InsertError::Child`](longhaul_core::store::InsertError::Child).
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the child is either enqueued or not; enqueueing it again is harmless.
    pub fn enqueue_child<T: TaskDefinition>(
        &self,
        name: impl Into<String>,
        metadata: T::Metadata,
    ) -> Enqueue<T, ChildOf> {
        let client = self.client();
        let child = self.new_child(name.into());
        client.enqueue::<T>(metadata).via(ChildOf(client)).child_of(child)
    }

    /// Many children, each with its name, a thousand in one call of the store. The answers are in the order of `children`;
    /// those that are there already are among them. When it fails, some are enqueued; doing it again enqueues the rest.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, EnqueueError, doc::{Count, CountUp}};
    ///
    /// async fn all_pages(ctx: &Context<u64, ()>) -> Result<(), EnqueueError> {
    ///     let pages = (1..=*ctx.metadata()).map(|page| (format!("page {page}"), Count { to: page }));
    ///     ctx.enqueue_children::<CountUp>(pages).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`enqueue_child`](Self::enqueue_child): that of the first child that was refused.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, some are enqueued; doing it again enqueues the rest.
    pub async fn enqueue_children<T: TaskDefinition>(
        &self,
        children: impl IntoIterator<Item = (impl Into<String>, T::Metadata)>,
    ) -> Result<Vec<RunHandle<T>>, EnqueueError> {
        let prepare = |(name, metadata)| self.enqueue_child::<T>(name, metadata).prepare();
        let prepared = children.into_iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
        let client = self.client();
        let handles = prepared.iter().map(|prepared| client.run::<T>(prepared.id())).collect();
        let mut new = prepared.into_iter().map(NewRun::from).peekable();
        while new.peek().is_some() {
            insert_children(&client, new.by_ref().take(PAGE_MAX).collect()).await?;
        }
        Ok(handles)
    }

    /// How many children this run has, and how far they are. It costs the same for ten as for ten thousand. Of a child that
    /// was retried by hand the newest run counts.
    ///
    /// ```
    /// use longhaul::{Context, StoreError};
    ///
    /// async fn tell(ctx: &Context<(), ()>) -> Result<(), StoreError> {
    ///     let children = ctx.children().await?; // "7312 of 10000, 12 failed"
    ///     ctx.progress().set(children.finished(), children.total);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// When the store fails.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn children(&self) -> Result<ChildCounts, StoreError> {
        let attempt = self.attempt_handle();
        attempt.store.child_counts(attempt.id).await
    }

    /// The child of this name, as it is now; `None`: there is none. Of a child that was retried by hand, the newest run.
    /// [`RunStatus::outcome_now`](crate::RunStatus::outcome_now) has its typed outcome.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, doc::CountUp};
    ///
    /// async fn low(ctx: &Context<u64, ()>) -> Result<Option<u64>, AnyError> {
    ///     let Some(child) = ctx.child::<CountUp>("low").await? else { return Ok(None) };
    ///     Ok(child.outcome_now()?.and_then(|outcome| outcome.completed()))
    /// }
    /// ```
    ///
    /// # Errors
    /// When the store fails, the child is of another kind, or its values cannot be read.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn child<T: TaskDefinition>(&self, name: &str) -> Result<Option<RunStatus<T>>, OutcomeError> {
        // No child can have been enqueued under what is no name.
        let Ok(id) = self.child_id(name) else { return Ok(None) };
        self.client().latest(id).await
    }

    /// Looks among the children of this task, as [`Client::find`](crate::Client::find) does among all runs.
    ///
    /// ```
    /// use longhaul::{Context, StateKind, StoreError, doc::CountUp};
    ///
    /// async fn failed(ctx: &Context<(), ()>) -> Result<usize, StoreError> {
    ///     Ok(ctx.find_children::<CountUp>().state(StateKind::Failed).all().await?.len())
    /// }
    /// ```
    pub fn find_children<T: TaskDefinition>(&self) -> Find<T> {
        self.client().find::<T>().children_of(self.attempt_handle().id)
    }

    /// Selects among the children, of whatever kind, as [`Client::select`](crate::Client::select) does among all runs: to
    /// cancel them, or to retry those that failed.
    ///
    /// ```
    /// use longhaul::{Context, RetryFrom, StateKind, StoreError};
    ///
    /// async fn retry_failed(ctx: &Context<(), ()>) -> Result<u64, StoreError> {
    ///     let failed = ctx.select_children().state(StateKind::Failed).not_retried();
    ///     Ok(failed.retry(RetryFrom::Checkpoint).await?.done)
    /// }
    /// ```
    pub fn select_children(&self) -> Select {
        self.client().select().children_of(self.attempt_handle().id)
    }

    /// Retries a child that failed: a new run takes its place among the children, under the same name.
    ///
    /// # Errors
    /// As [`Client::retry`](crate::Client::retry); [`RetryRunError::NotFound`](crate::RetryRunError::NotFound) if no child has
    /// this name, [`RetryRunError::Name`](crate::RetryRunError::Name) if none can have it.
    ///
    /// # Cancel safety
    /// When the future is dropped before it is ready, the child is either retried or not; retrying it again is harmless.
    pub async fn retry_child(&self, name: &str, from: RetryFrom) -> Result<RunId, RetryRunError> {
        self.client().retry(self.child_id(name)?, from).await
    }

    pub(crate) fn client(&self) -> Client {
        let attempt = self.attempt_handle();
        Client::of_attempt(attempt.store.clone(), attempt.clock.clone())
    }

    fn new_child(&self, name: String) -> NewChild {
        let attempt = self.attempt_handle();
        NewChild { parent: attempt.id, epoch: Some(attempt.epoch), depth: attempt.depth.saturating_add(1), name }
    }

    fn child_id(&self, name: &str) -> Result<RunId, NameError> {
        let NewChild { parent: id, epoch, depth, name } = self.new_child(name.to_owned());
        Ok(longhaul_core::Parent { id, epoch, name: Key::new(&name)?, depth }.child_id())
    }
}

impl<T: TaskTypes> IntoFuture for Enqueue<T, ChildOf> {
    type Output = Result<RunHandle<T>, EnqueueError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let ChildOf(client) = self.as_via().clone();
        Box::pin(async move {
            let prepared = self.prepare()?;
            let (id, there) = (prepared.id(), prepared.clone());
            match prepared.send(&client).await {
                Ok(enqueued) => Ok(enqueued.run()),
                Err(EnqueueError::Refused(InsertError::Duplicate(duplicate))) if duplicate == id => {
                    Ok(there.enqueued(&client, longhaul_core::Inserted::New).run())
                }
                Err(error) => Err(error),
            }
        })
    }
}

impl<R> SuspendedFor<R> {
    /// Goes on once all children are final, or with a proceed; at once if they are. The run holds no slot meanwhile, so a
    /// parent does not keep its children from being executed, and it is woken once.
    ///
    /// ```
    /// use longhaul::{AnyError, ExecutionResult, Suspended};
    /// use std::time::Duration;
    ///
    /// let hour = Duration::from_secs(3600);
    /// let all: ExecutionResult<u32, AnyError> =
    ///     Suspended::for_result().on_all_children().or_fail_after(hour).for_error();
    /// ```
    pub fn on_all_children(self) -> Self {
        self.on(AwaitedRuns::AllChildren)
    }

    /// Goes on once one more child is final than the task has `seen`, or none is open. What is handed in is the task's
    /// latest look, [`Context::children`](crate::Context::children): a child that ends between the look and the suspension
    /// is not lost, and one that the task has seen does not wake it again.
    ///
    /// ```
    /// use longhaul::{AnyError, Context, ExecutionResult, Suspended};
    ///
    /// async fn execute(ctx: &Context<(), ()>) -> ExecutionResult<u64, AnyError> {
    ///     let seen = ctx.children().await?;
    ///     Suspended::for_result().on_any_child(seen).for_error()
    /// }
    /// ```
    pub fn on_any_child(self, seen: ChildCounts) -> Self {
        self.on(AwaitedRuns::AnyChild { seen: seen.ends })
    }

    /// Goes on once all of these runs are final, whoever enqueued them; at most 64. One that is not there is not waited for.
    ///
    /// ```
    /// use longhaul::{AnyError, ExecutionResult, RunId, Suspended};
    ///
    /// fn after(import: RunId, export: RunId) -> ExecutionResult<u32, AnyError> {
    ///     Suspended::for_result().on_runs([import, export]).for_error()
    /// }
    /// ```
    pub fn on_runs(self, runs: impl IntoIterator<Item = RunId>) -> Self {
        self.on(AwaitedRuns::Runs { open: runs.into_iter().collect(), any: false })
    }

    /// The same, once any of these runs is final.
    pub fn on_any_run(self, runs: impl IntoIterator<Item = RunId>) -> Self {
        self.on(AwaitedRuns::Runs { open: runs.into_iter().collect(), any: true })
    }
}
