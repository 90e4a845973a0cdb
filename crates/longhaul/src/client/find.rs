//! Looking for runs.

use longhaul_core::{
    Kind, Queue, RunId, Snapshot, StateKind, StoreError, Tag, Timestamp,
    name::NameError,
    store::{Damaged, Filter, ListOrder},
};

use super::{Client, RunHandle, RunStatus, Select, list::List};
use crate::{definition::Definition, task::TaskTypes};

type Predicate<T> =
    Box<dyn Fn(&<T as TaskTypes>::Metadata, &<T as TaskTypes>::ExecutionMetadata) -> bool + Send + Sync>;

/// Runs of one task, narrowed down.
///
/// ```
/// # use longhaul::{doc::CountUp, Client};
/// # async fn on_payment(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
/// let waiting = client.find::<CountUp>().suspended().with_tag("order", 7).all().await?;
/// for found in waiting {
///     println!("{} waits", found.run.id());
/// }
/// client
///     .find::<CountUp>()
///     .matching(|metadata, cursor| metadata.to == 9 && cursor.at > 3)
///     .proceed()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is looked for before `all`, `count` or `proceed`"]
pub struct Find<T: TaskTypes> {
    client: Client,
    definition: Definition<T>,
    list: List,
    predicate: Option<Predicate<T>>,
}

/// A run that was found, and how it was then.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// let found = client.find::<CountUp>().all().await?;
/// assert_eq!(found[0].status.metadata()?.to, 3);
/// found[0].run.cancel().await?;
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub struct Found<T: TaskTypes> {
    /// The run.
    pub run: RunHandle<T>,
    /// How it was when it was found.
    pub status: RunStatus<T>,
}

/// Some of the runs that match, and where to go on. See [`Find::page`].
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// client.enqueue_all::<CountUp>((1..=3).map(|to| Count { to })).await?;
/// let page = client.find::<CountUp>().page(None, 2).await?;
/// assert_eq!((page.runs.len(), page.next), (2, Some(page.runs[1].run.id())));
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
pub struct FoundPage<T: TaskTypes> {
    /// In the order that was asked for.
    pub runs: Vec<Found<T>>,
    /// What to hand in as `after` for the next page; `None`: there is none.
    pub next: Option<RunId>,
}

impl<T: TaskTypes> std::fmt::Debug for FoundPage<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FoundPage({:?}, next: {:?})", self.runs, self.next)
    }
}

impl<T: TaskTypes> std::fmt::Debug for Found<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({:?})", self.status)
    }
}

impl<T: TaskTypes> std::fmt::Debug for Find<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Find({:?})", self.list)
    }
}

impl<T: TaskTypes> Find<T> {
    pub(super) fn new(client: Client, definition: Definition<T>) -> Self {
        let filter = Filter { kinds: definition.common.kinds.clone(), ..Filter::default() };
        Self { client, definition, list: List { filter, ..List::default() }, predicate: None }
    }

    /// In this state, or one of several if called again.
    pub fn state(mut self, state: StateKind) -> Self {
        self.list.filter.states.push(state);
        self
    }

    /// Those that wait for a proceed or a time.
    pub fn suspended(self) -> Self {
        self.state(StateKind::Suspended)
    }

    /// In this queue, or one of several if called again.
    ///
    /// # Errors
    /// When it cannot be the name of a queue.
    pub fn queue(mut self, queue: &str) -> Result<Self, NameError> {
        self.list.filter.queues.push(Queue::new(queue)?);
        Ok(self)
    }

    /// With this tag, and all others that are asked for.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in numbers and strings as they have them")]
    pub fn with_tag(mut self, key: &str, value: impl ToString) -> Self {
        let (key, value) = (key.into(), value.to_string().into());
        self.list.filter.tags.push(Tag { key, value });
        self
    }

    /// For whose values `predicate` holds. Each run that the rest matches is read, so narrow it down by state and tag
    /// first. A run whose values cannot be read does not match.
    pub fn matching(
        mut self,
        predicate: impl Fn(&T::Metadata, &T::ExecutionMetadata) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Box::new(predicate));
        self
    }

    /// Only children of this run.
    pub fn children_of(mut self, parent: RunId) -> Self {
        self.list.filter.parent = Some(parent);
        self
    }

    /// Those that are not final: all states but completed, failed and cancelled.
    pub fn live(mut self) -> Self {
        self.list.live();
        self
    }

    /// Those that may go on by the passing of time, before `time`: waiting, retrying, or suspended until then.
    pub fn due_before(mut self, time: impl Into<Timestamp>) -> Self {
        self.list.filter.due_before = Some(time.into());
        self
    }

    /// Runs of this kind too, whose values are of the same types: of a second function, or of a task that was split.
    /// Their handles serve them as those of `T`; a value that is of another type cannot be read, and says so.
    ///
    /// ```
    /// # use longhaul::{Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// use longhaul::{AnyError, TaskFn};
    ///
    /// const SMALL: TaskFn<String, (), (), AnyError> = TaskFn::new("resize-small");
    /// const LARGE: TaskFn<String, (), (), AnyError> = TaskFn::new("resize-large");
    /// client.enqueue_fn(SMALL, "cat.png".to_owned()).await?;
    /// client.enqueue_fn(LARGE, "dog.png".to_owned()).await?;
    /// let both = client.find_fn(SMALL).also_kind("resize-large")?.all().await?;
    /// assert_eq!(both[1].status.metadata()?, "dog.png");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When it cannot be the name of a kind.
    pub fn also_kind(mut self, kind: &str) -> Result<Self, NameError> {
        let kind = Kind::new(kind)?;
        self.definition = self.definition.with_kind(kind.clone());
        self.list.filter.kinds.push(kind);
        Ok(self)
    }

    /// The newest first: lists are in the opposite order of enqueueing.
    pub fn newest_first(mut self) -> Self {
        self.list.order = ListOrder::NewestFirst;
        self
    }

    /// All of them, in the order in which they were enqueued, or the [newest first](Self::newest_first).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names a run that cannot be read, so that nobody knows whether it is one of them;
    /// [`select`](Self::select) goes on with the others.
    pub async fn all(&self) -> Result<Vec<Found<T>>, StoreError> {
        Ok(self.read(None, usize::MAX).await?.runs)
    }

    /// The first `n` of them, or those that follow `after`: what a page before gave as [`next`](FoundPage::next), or the
    /// id of any run. Runs that come to match meanwhile are on the page of their place, or were on none.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// client.enqueue_all::<CountUp>((1..=5).map(|to| Count { to })).await?;
    /// let find = client.find::<CountUp>().live().newest_first();
    /// let mut next = None;
    /// let mut pages = Vec::new();
    /// loop {
    ///     let page = find.page(next, 2).await?;
    ///     pages.push(page.runs.iter().map(|found| found.status.metadata().map(|count| count.to)).collect::<Result<Vec<_>, _>>()?);
    ///     next = page.next;
    ///     if next.is_none() {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(pages, [vec![5, 4], vec![3, 2], vec![1]]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// With [`matching`](Self::matching) it reads on until it has `n`, so narrow the rest down first.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    ///
    /// # Panics
    /// When `n` is 0.
    pub async fn page(&self, after: Option<RunId>, n: usize) -> Result<FoundPage<T>, StoreError> {
        self.read(after, n).await
    }

    async fn read(&self, after: Option<RunId>, n: usize) -> Result<FoundPage<T>, StoreError> {
        let keep = self
            .predicate
            .as_ref()
            .map(|predicate| move |snapshot: &Snapshot| matches(&self.definition, predicate, snapshot));
        let page = self.list.read(&self.client, after, n, keep).await?;
        if let Some(damaged) = page.damaged.first() {
            return Err(corrupt(damaged));
        }
        let found = |snapshot: Snapshot| {
            let run = RunHandle::new(self.client.clone(), self.definition.clone(), snapshot.run.id);
            Found { run, status: RunStatus::new(snapshot, self.definition.clone()) }
        };
        Ok(FoundPage { runs: page.runs.into_iter().map(found).collect(), next: page.next })
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        if self.predicate.is_some() {
            return Ok(self.all().await?.len() as u64);
        }
        self.client.store().count(self.list.filter.clone()).await
    }

    /// Enqueued at `time` or after it.
    pub fn enqueued_from(mut self, time: impl Into<Timestamp>) -> Self {
        self.list.filter.from = Some(time.into());
        self
    }

    /// Enqueued before `time`.
    pub fn enqueued_before(mut self, time: impl Into<Timestamp>) -> Self {
        self.list.filter.before = Some(time.into());
        self
    }

    /// All of them, to be counted or changed together.
    ///
    /// ```
    /// # use longhaul::{doc::CountUp, Client};
    /// # async fn call_off(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let large = client.find::<CountUp>().matching(|metadata, _| metadata.to > 1_000_000).select();
    /// large.cancel().because("too large").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn select(self) -> Select {
        let Self { client, definition, list, predicate } = self;
        let predicate = predicate
            .map(|predicate| Box::new(move |snapshot: &Snapshot| matches(&definition, &predicate, snapshot)) as _);
        Select::new(client, list, predicate)
    }

    /// Without runs that are final; `None`: it asked for such only.
    pub(super) fn not_final(mut self) -> Option<Self> {
        let states = &mut self.list.filter.states;
        if states.is_empty() {
            *states = StateKind::ALL.into();
        }
        states.retain(|state| !state.is_final());
        (!states.is_empty()).then_some(self)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn definition(&self) -> &Definition<T> {
        &self.definition
    }
}

/// Whether the values can be read, and `predicate` holds for them.
fn matches<T: TaskTypes>(definition: &Definition<T>, predicate: &Predicate<T>, snapshot: &Snapshot) -> bool {
    let metadata = definition.read_metadata(&snapshot.metadata);
    let execution_metadata = definition.read_execution_metadata(snapshot.execution_metadata.as_ref());
    match (metadata, execution_metadata) {
        (Ok(metadata), Ok(execution_metadata)) => predicate(&metadata, &execution_metadata),
        _ => false,
    }
}

fn corrupt(damaged: &Damaged) -> StoreError {
    StoreError::Corrupt { what: damaged.id.to_string().into(), reason: damaged.why.as_ref().into() }
}
