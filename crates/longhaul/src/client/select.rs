//! Many runs at once, of any kind: what an operator does to them.

use std::sync::Arc;

use longhaul_core::{
    Actor, Kind, Priority, Queue, RunId, Snapshot, StateKind, Store, StoreError, Tag, Timestamp,
    limits::PAGE_MAX,
    name::NameError,
    store::{Damaged, Filter, ListOrder, Page, PageRequest, Proceed, RunUpdate},
};
use serde::{Serialize, Serializer};
use tokio::task::JoinSet;

use super::{Client, Request, RetryFrom, RetryRunError, list::List};

/// Calls of the store that are made at the same time: about as many as share a commit.
const AT_ONCE: usize = 64;
/// Refusals that are listed; the rest show only as the difference of `matched` and `done`.
const REFUSED_MAX: usize = 100;

type Predicate = Box<dyn Fn(&Snapshot) -> bool + Send + Sync>;

/// Runs of any kind, narrowed down, to be counted (the dry run) or changed together. Made by [`Client::select`], or,
/// typed, by [`Find::select`](super::Find::select).
///
/// ```
/// # use longhaul::{Client, StateKind};
/// # async fn clean_up(client: &Client) -> Result<(), Box<dyn std::error::Error>> {
/// let stuck = client.select().kind("export-csv")?.state(StateKind::Suspended).with_tag("customer", 7);
/// println!("{} runs would be cancelled", stuck.count().await?);
/// let done = stuck.cancel().because("the customer has left").await?;
/// println!("{} of {}; refused: {:?}", done.done, done.matched, done.refused);
/// # Ok(())
/// # }
/// ```
///
/// Runs that begin to match while it works may be among them or not; none is changed twice. A run that changes between
/// being listed and being called is refused or not by its state at the call. When the future is dropped, it is done to
/// some of the runs.
#[must_use = "nothing is done before a verb is called"]
pub struct Select {
    client: Client,
    list: List,
    predicate: Option<Predicate>,
}

/// What became of many runs.
///
/// ```
/// # use longhaul::{doc::{Count, CountUp}, Client, testing};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
///
/// client.enqueue::<CountUp>(Count { to: 3 }).await?;
/// let selected = client.select().cancel().await?;
/// assert_eq!((selected.matched, selected.done), (1, 1));
/// let again = client.select().cancel().await?;
/// assert!(again.refused[0].1.contains("is cancelled, which is final"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Selected {
    /// How many runs matched.
    pub matched: u64,
    /// To how many of them it was done.
    pub done: u64,
    /// The first hundred that refused it, and why. Runs that cannot be read are here too; they are not counted as
    /// matched.
    pub refused: Vec<(RunId, String)>,
}

impl std::fmt::Debug for Select {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Select({:?})", self.list)
    }
}

impl Serialize for Selected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Refused<'a> {
            id: RunId,
            text: &'a str,
        }
        #[derive(Serialize)]
        struct View<'a> {
            matched: u64,
            done: u64,
            refused: Vec<Refused<'a>>,
        }
        let refused = self.refused.iter().map(|(id, text)| Refused { id: *id, text }).collect();
        View { matched: self.matched, done: self.done, refused }.serialize(serializer)
    }
}

#[derive(Clone)]
enum Verb {
    Cancel(Option<Box<str>>),
    RunUpdate(RunUpdate),
    Proceed(Option<Timestamp>),
    Retry(RetryFrom),
    Delete,
}

impl Client {
    /// Runs of any kind, to be narrowed down and then counted or changed together.
    pub fn select(&self) -> Select {
        Select { client: self.clone(), list: List::default(), predicate: None }
    }
}

impl Select {
    pub(super) fn new(client: Client, list: List, predicate: Option<Predicate>) -> Self {
        Self { client, list, predicate }
    }

    /// Of this kind, or one of several if called again.
    ///
    /// # Errors
    /// When it cannot be the name of a kind.
    pub fn kind(mut self, kind: &str) -> Result<Self, NameError> {
        self.list.filter.kinds.push(Kind::new(kind)?);
        Ok(self)
    }

    /// In this state, or one of several if called again.
    pub fn state(mut self, state: StateKind) -> Self {
        self.list.filter.states.push(state);
        self
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

    /// [Pages](Self::page) begin with the newest. What is done to many is done to the oldest first all the same.
    pub fn newest_first(mut self) -> Self {
        self.list.order = ListOrder::NewestFirst;
        self
    }

    /// The first `n` of them, or those that follow `after`, which is what a page before gave as `next`: what
    /// [`count`](Self::count) counts, to be looked at. [`Client::typed`] reads the values of one.
    ///
    /// ```
    /// # use longhaul::{doc::{Count, CountUp}, Client, testing};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::new(std::sync::Arc::new(testing::memory_store()));
    /// client.enqueue_all::<CountUp>((1..=3).map(|to| Count { to })).await?;
    /// let live = client.select().live();
    /// let page = live.page(None, 2).await?;
    /// let rest = live.page(page.next, 2).await?;
    /// assert_eq!((page.runs.len(), rest.runs.len(), rest.next), (2, 1, None));
    /// println!("{}", serde_json::to_string(&page.runs)?); // see `longhaul::json`
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Runs that cannot be read are in `damaged`: nobody knows whether they match.
    ///
    /// # Panics
    /// When `n` is 0.
    pub async fn page(&self, after: Option<RunId>, n: usize) -> Result<Page, StoreError> {
        self.list.read(&self.client, after, n, self.predicate.as_ref()).await
    }

    /// Only those that were not retried: what [`retry`](Self::retry) would do something to.
    pub fn not_retried(mut self) -> Self {
        self.list.filter.not_retried = true;
        self
    }

    /// How many there are: the dry run of what follows.
    pub async fn count(&self) -> Result<u64, StoreError> {
        if self.predicate.is_none() {
            return self.client.store().count(self.list.filter.clone()).await;
        }
        Ok(self.ids(&self.list.filter, &mut Selected::default()).await?.len() as u64)
    }

    /// Cancels them: at once, or, those that run, by asking their servers to stop them. Await it; see [`Request`] for
    /// saying why.
    pub fn cancel(&self) -> Request<'_, Result<Selected, StoreError>> {
        self.request(Verb::Cancel)
    }

    /// Puts them aside until a proceed; see [`RunHandle::suspend`](super::RunHandle::suspend).
    pub fn suspend(&self) -> Request<'_, Result<Selected, StoreError>> {
        self.request(|reason| Verb::RunUpdate(RunUpdate::Suspend { reason }))
    }

    /// Lets those go on that are suspended.
    pub async fn proceed(&self) -> Result<Selected, StoreError> {
        self.each(Verb::Proceed(None)).await
    }

    /// The same, not before `time`.
    pub async fn proceed_at(&self, time: impl Into<Timestamp>) -> Result<Selected, StoreError> {
        self.each(Verb::Proceed(Some(time.into()))).await
    }

    /// Has them tried again now; see [`RunHandle::retry`](super::RunHandle::retry). Those that were retried before are
    /// left out, so it can be repeated: what is matched the second time are runs that failed since.
    pub async fn retry(&self, from: RetryFrom) -> Result<Selected, StoreError> {
        self.each(Verb::Retry(from)).await
    }

    /// Has the next attempts begin at `time`.
    pub async fn reschedule(&self, time: impl Into<Timestamp>) -> Result<Selected, StoreError> {
        self.each(Verb::RunUpdate(RunUpdate::Reschedule(time.into()))).await
    }

    /// Moves them ahead of due runs of their queues with a lower priority.
    pub async fn set_priority(&self, priority: i8) -> Result<Selected, StoreError> {
        self.each(Verb::RunUpdate(RunUpdate::Prioritise(Priority(priority)))).await
    }

    /// Removes them and everything of them. Those that are running have to be cancelled first.
    pub async fn delete(&self) -> Result<Selected, StoreError> {
        self.each(Verb::Delete).await
    }

    fn request(
        &self,
        verb: impl FnOnce(Option<Box<str>>) -> Verb + Send + 'static,
    ) -> Request<'_, Result<Selected, StoreError>> {
        Request::new(&self.client.by, move |reason, by| self.each_by(verb(reason), by))
    }

    async fn each(&self, verb: Verb) -> Result<Selected, StoreError> {
        self.each_by(verb, self.client.by.clone()).await
    }

    async fn each_by(&self, verb: Verb, by: Actor) -> Result<Selected, StoreError> {
        let client = Client { by, ..self.client.clone() };
        let mut selected = Selected::default();
        let mut calls = JoinSet::new();
        let mut after = None;
        loop {
            let (ids, next) = match &verb {
                // A retry enqueues others, which must not be met again.
                Verb::Retry(_) => {
                    let filter = Filter { not_retried: true, ..self.list.filter.clone() };
                    (self.ids(&filter, &mut selected).await?, None)
                }
                _ => self.next_ids(&self.list.filter, after, &mut selected).await?,
            };
            for id in ids {
                selected.matched += 1;
                if calls.len() == AT_ONCE {
                    selected.hear(calls.join_next().await)?;
                }
                let (client, verb) = (client.clone(), verb.clone());
                calls.spawn(async move { (id, one(&client, id, verb).await) });
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        while !calls.is_empty() {
            selected.hear(calls.join_next().await)?;
        }
        Ok(selected)
    }

    async fn ids(&self, filter: &Filter, selected: &mut Selected) -> Result<Vec<RunId>, StoreError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (ids, next) = self.next_ids(filter, after, selected).await?;
            all.extend(ids);
            after = next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }

    /// Runs that cannot be read are among the refused: nobody knows whether they match.
    async fn next_ids(
        &self,
        filter: &Filter,
        after: Option<RunId>,
        selected: &mut Selected,
    ) -> Result<(Vec<RunId>, Option<RunId>), StoreError> {
        let request = PageRequest { filter: filter.clone(), after, limit: PAGE_MAX, ..PageRequest::default() };
        let page = self.client.store().list(request).await?;
        for Damaged { id, why } in page.damaged {
            selected.refuse(id, format!("it is damaged: {why}"));
        }
        let matching = page.runs.iter().filter(|snapshot| self.holds(snapshot));
        Ok((matching.map(|snapshot| snapshot.run.id).collect(), page.next))
    }

    fn holds(&self, snapshot: &Snapshot) -> bool {
        self.predicate.as_ref().is_none_or(|predicate| predicate(snapshot))
    }
}

impl Selected {
    /// `Err`: the store failed, so there is no use in going on.
    fn hear(&mut self, told: Option<Told>) -> Result<(), StoreError> {
        let Some(told) = told else { return Ok(()) };
        let (id, outcome) = told.expect("calls of a store do not panic");
        match outcome {
            Ok(()) => self.done += 1,
            Err(Refusal::Store(error)) => return Err(error),
            Err(Refusal::Run(why)) => self.refuse(id, why),
        }
        Ok(())
    }

    fn refuse(&mut self, id: RunId, why: String) {
        if self.refused.len() < REFUSED_MAX {
            self.refused.push((id, why));
        }
    }
}

type Told = Result<(RunId, Result<(), Refusal>), tokio::task::JoinError>;

enum Refusal {
    Store(StoreError),
    Run(String),
}

async fn one(client: &Client, id: RunId, verb: Verb) -> Result<(), Refusal> {
    macro_rules! told {
        ($call:expr, $error:ident) => {
            match $call {
                Ok(_) => Ok(()),
                Err(longhaul_core::store::$error::Store(error)) => Err(Refusal::Store(error)),
                Err(why) => Err(Refusal::Run(why.to_string())),
            }
        };
    }
    let (store, by): (&Arc<dyn Store>, _) = (client.store(), client.by.clone());
    match verb {
        Verb::Cancel(reason) => told!(store.cancel(id, reason, by).await, CancelError),
        Verb::RunUpdate(update) => told!(store.update(id, update, by).await, UpdateError),
        Verb::Proceed(at) => told!(store.proceed(Proceed { at, by, ..Proceed::new(id) }).await, ProceedError),
        Verb::Delete => told!(store.delete(id).await, DeleteError),
        Verb::Retry(from) => match client.retry(id, from).await {
            Ok(_) => Ok(()),
            Err(RetryRunError::Store(error)) => Err(Refusal::Store(error)),
            Err(why) => Err(Refusal::Run(why.to_string())),
        },
    }
}
