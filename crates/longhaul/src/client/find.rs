//! Looking for runs.

use std::time::SystemTime;

use longhaul_core::{
    Queue, Snapshot, StateKind, StoreError, Tag,
    limits::PAGE_MAX,
    store::{Damaged, Filter, PageRequest},
};

use super::{Client, ProceedFound, RunHandle, RunStatus, Select};
use crate::{
    definition::{Definition, TaskTypes},
    values::ReadError,
};

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
///     .suspended()
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
    filter: Filter,
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
/// found[0].run.cancel("").await?;
/// # Ok(())
/// # }
/// ```
pub struct Found<T: TaskTypes> {
    /// The run.
    pub run: RunHandle<T>,
    /// How it was when it was found.
    pub status: RunStatus<T>,
}

impl<T: TaskTypes> std::fmt::Debug for Found<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Found({:?})", self.status)
    }
}

impl<T: TaskTypes> std::fmt::Debug for Find<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Find({:?})", self.filter)
    }
}

impl<T: TaskTypes> Find<T> {
    pub(super) fn new(client: Client, definition: Definition<T>) -> Self {
        let filter = Filter { kinds: definition.common.kinds.clone(), ..Filter::default() };
        Self { client, definition, filter, predicate: None }
    }

    /// In this state, or one of several if called again.
    pub fn state(mut self, state: StateKind) -> Self {
        self.filter.states.push(state);
        self
    }

    /// Those that wait for a proceed or a time.
    pub fn suspended(self) -> Self {
        self.state(StateKind::Suspended)
    }

    /// In this queue, or one of several if called again.
    pub fn queue(mut self, queue: Queue) -> Self {
        self.filter.queues.push(queue);
        self
    }

    /// With this tag, and all others that are asked for.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand in numbers and strings as they have them")]
    pub fn with_tag(mut self, key: &str, value: impl ToString) -> Self {
        let (key, value) = (key.into(), value.to_string().into());
        self.filter.tags.push(Tag { key, value });
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

    /// All of them, in the order in which they were enqueued.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] names a run that cannot be read, so that nobody knows whether it is one of them;
    /// [`select`](Self::select) goes on with the others.
    pub async fn all(&self) -> Result<Vec<Found<T>>, StoreError> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let request = PageRequest { filter: self.filter.clone(), after, limit: PAGE_MAX };
            let page = self.client.store().list(request).await?;
            if let Some(damaged) = page.damaged.first() {
                return Err(corrupt(damaged));
            }
            for snapshot in page.runs {
                let run = RunHandle::new(self.client.clone(), self.definition.clone(), snapshot.run.id);
                let status = RunStatus::new(snapshot, self.definition.clone());
                if self.holds(&status).unwrap_or(false) {
                    found.push(Found { run, status });
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// How many there are.
    pub async fn count(&self) -> Result<u64, StoreError> {
        if self.predicate.is_some() {
            return Ok(self.all().await?.len() as u64);
        }
        self.client.store().count(self.filter.clone()).await
    }

    /// Enqueued at `time` or after it.
    pub fn enqueued_from(mut self, time: SystemTime) -> Self {
        self.filter.from = Some(time.into());
        self
    }

    /// Enqueued before `time`.
    pub fn enqueued_before(mut self, time: SystemTime) -> Self {
        self.filter.before = Some(time.into());
        self
    }

    /// All of them, to be counted or steered together.
    ///
    /// ```
    /// # use longhaul::{doc::CountUp, Client};
    /// # async fn call_off(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let large = client.find::<CountUp>().matching(|metadata, _| metadata.to > 1_000_000).select();
    /// large.cancel("too large").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn select(self) -> Select {
        let Self { client, definition, filter, predicate } = self;
        let predicate = predicate.map(|predicate| {
            let holds = move |snapshot: &Snapshot| {
                let status = RunStatus::<T>::new(snapshot.clone(), definition.clone());
                match (status.metadata(), status.execution_metadata()) {
                    (Ok(metadata), Ok(execution_metadata)) => predicate(&metadata, &execution_metadata),
                    _ => false,
                }
            };
            Box::new(holds) as _
        });
        Select::new(client, filter, predicate)
    }

    /// Lets the one run that matches go on. See [`ProceedFound`].
    pub fn proceed(self) -> ProceedFound<T> {
        ProceedFound::new(self)
    }

    fn holds(&self, status: &RunStatus<T>) -> Result<bool, ReadError> {
        match &self.predicate {
            None => Ok(true),
            Some(predicate) => Ok(predicate(&status.metadata()?, &status.execution_metadata()?)),
        }
    }
}

fn corrupt(damaged: &Damaged) -> StoreError {
    StoreError::Corrupt { what: damaged.id.to_string().into(), reason: damaged.why.as_ref().into() }
}
