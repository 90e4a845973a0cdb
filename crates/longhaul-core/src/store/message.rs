//! What goes into a store's methods, and what comes out.

use std::{cmp::Ordering, fmt, sync::Arc, time::Duration};

use crate::{
    admission::Capacity,
    code::KindSupport,
    constraints::Inserted,
    envelope::Envelope,
    event::{Ending, Event, StopRequest},
    history::Actor,
    id::{Epoch, RunId, ServerId},
    log::LogPage,
    name::{Key, Kind, Label, Queue, ScheduleName, Tag},
    progress::Progress,
    run::{NewRun, Priority, Run, Snapshot},
    state::StateKind,
    store::InsertError,
    time::Timestamp,
};

/// What a server asks for.
///
/// ```
/// use longhaul_core::{doc, store::ClaimRequest};
///
/// let request = ClaimRequest { wait: true, ..ClaimRequest::new(doc::SERVER, doc::kinds().into(), 8) };
/// assert!(request.labels.is_empty() && !request.capacity.only_listed);
/// ```
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Who claims.
    pub server: ServerId,
    /// What it can execute, aliases included.
    pub kinds: Arc<[KindSupport]>,
    /// What it has; a run that requires anything else is left to others.
    pub labels: Arc<[Label]>,
    /// How much it takes of which queues.
    pub capacity: Capacity,
    /// At most so many runs; at least 1, at most [`CLAIM_MAX`](crate::limits::CLAIM_MAX).
    pub max: usize,
    /// So many of them, the first ones, are executed at once; those after them when [`begin`](super::Store::begin) says so.
    pub begin: usize,
    /// Whether to answer only when there is a run.
    pub wait: bool,
}

impl ClaimRequest {
    /// Asks for at most `max` runs of these kinds, of all queues, at once or not at all, for a server without labels that
    /// executes all of them at once.
    pub fn new(server: ServerId, kinds: Arc<[KindSupport]>, max: usize) -> Self {
        Self { server, kinds, labels: [].into(), capacity: Capacity::default(), max, begin: max, wait: false }
    }
}

/// A run that was claimed, with what its task needs to begin, or to go on.
///
/// ```
/// use longhaul_core::{doc, store::Claimed};
///
/// let claimed = Claimed { run: doc::running(), due: doc::NOW, metadata: doc::value(), execution_metadata: None };
/// assert_eq!(claimed.run.epoch.0, 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The run, Running.
    pub run: Run,
    /// From when on it could have been claimed: it has waited since then.
    pub due: Timestamp,
    /// What was asked for.
    pub metadata: Envelope,
    /// How far it is; `None`: the type's default.
    pub execution_metadata: Option<Envelope>,
}

/// A save by a running attempt.
///
/// ```
/// use longhaul_core::{Epoch, Progress, doc, store::Checkpoint};
///
/// let id = doc::run().id;
/// let progress = Some(Progress::default());
/// let told = Checkpoint { id, epoch: Epoch(1), seq: 0, execution_metadata: None, taken: 0, progress };
/// assert!(told.execution_metadata.is_none()); // only progress is told
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The run.
    pub id: RunId,
    /// The attempt that writes.
    pub epoch: Epoch,
    /// Grows with each save of the attempt, from 1.
    pub seq: u32,
    /// What to keep; `None`: only progress is told, and `seq` does not matter.
    pub execution_metadata: Option<Envelope>,
    /// The number of the last value of the [inbox](crate::Inbox) that went into the execution metadata: up to this one
    /// they are acknowledged with it. 0: none. Without execution metadata it does not matter.
    pub taken: u64,
    /// How far it is, for people; `None`: as before.
    pub progress: Option<Progress>,
}

/// Pages of the log of an attempt.
///
/// ```
/// use longhaul_core::{Epoch, LogPage, doc, store::LogPages};
///
/// let pages = LogPages { id: doc::run().id, epoch: Epoch(1), pages: vec![LogPage::default()] };
/// assert_eq!(pages.pages[0].number, 0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LogPages {
    /// The run.
    pub id: RunId,
    /// The attempt that says it.
    pub epoch: Epoch,
    /// In any order, [32](crate::limits::LOG_PAGES_MAX) at most.
    pub pages: Vec<LogPage>,
}

/// A save that is kept.
///
/// ```
/// use longhaul_core::store::Checkpointed;
///
/// assert_eq!(Checkpointed::default().request, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Checkpointed {
    /// What the run was asked to do meanwhile.
    pub request: Option<StopRequest>,
}

/// The end of an attempt.
///
/// ```
/// use longhaul_core::{Ending, Epoch, doc, store::Settlement};
///
/// let (id, ending) = (doc::run().id, Ending::Completed { result: doc::value() });
/// let settlement = Settlement { id, epoch: Epoch(1), ending, execution_metadata: None, taken: 0, progress: None };
/// assert!(settlement.ending.proves_progress());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// The run.
    pub id: RunId,
    /// The attempt that ended.
    pub epoch: Epoch,
    /// How.
    pub ending: Ending,
    /// The last execution metadata with its seq, if it changed since the last checkpoint.
    pub execution_metadata: Option<(u32, Envelope)>,
    /// See [`Checkpoint::taken`].
    pub taken: u64,
    /// How far it came, for people; `None`: as before.
    pub progress: Option<Progress>,
}

/// An ending that is kept.
///
/// ```
/// use longhaul_core::{StateKind, store::Settled};
///
/// assert_ne!(Settled::Now(StateKind::Completed), Settled::Already);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// The state that the run is in now.
    Now(StateKind),
    /// It was settled before by the same attempt, and is as that left it.
    Already,
}

/// A server says that it lives.
///
/// ```
/// use longhaul_core::{doc, store::ServerBeat};
/// use std::time::Duration;
///
/// let beat = ServerBeat { kinds: doc::kinds().into(), ..ServerBeat::new(doc::SERVER, "worker 1", Duration::from_secs(30)) };
/// assert_eq!(&*beat.name, "worker 1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerBeat {
    /// Which incarnation.
    pub server: ServerId,
    /// Its name, for people.
    pub name: Arc<str>,
    /// How long it is taken to live without another beat.
    pub lease: Duration,
    /// What it can execute, for [`explain`](super::Store::explain).
    pub kinds: Arc<[KindSupport]>,
    /// What it has, for the same.
    pub labels: Arc<[Label]>,
}

impl ServerBeat {
    /// The beat of a server that has told nothing of what it takes.
    pub fn new(server: ServerId, name: &str, lease: Duration) -> Self {
        Self { server, name: name.into(), lease, kinds: [].into(), labels: [].into() }
    }
}

/// What was asked of runs that a server executes.
///
/// ```
/// use longhaul_core::store::StopSignals;
///
/// assert!(StopSignals::default().stop_requests.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StopSignals {
    /// To be handed in as `seen` next time.
    pub position: u64,
    /// What was asked.
    pub stop_requests: Vec<StopSignal>,
}

/// What was asked of one run.
///
/// ```
/// use longhaul_core::{StopRequest, doc, store::StopSignal};
///
/// let run = doc::running();
/// let order = StopSignal { id: run.id, epoch: run.epoch, request: StopRequest::Cancel { reason: None } };
/// assert_eq!(order.request.reason(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopSignal {
    /// The run.
    pub id: RunId,
    /// The attempt that runs.
    pub epoch: Epoch,
    /// What it shall do.
    pub request: StopRequest,
}

/// A suspended run shall go on, or a run is sent a value.
///
/// ```
/// use longhaul_core::{doc, store::Proceed};
///
/// let sent = Proceed { value: Some(doc::value()), ..Proceed::new(doc::run().id) };
/// assert_eq!((sent.at, sent.replacement, sent.key), (None, None, None));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Proceed {
    /// The run.
    pub id: RunId,
    /// Not before; `None`: now.
    pub at: Option<Timestamp>,
    /// Other execution metadata to go on with.
    pub replacement: Option<Replacement>,
    /// What to send it; at most [`PROCEED_VALUE_MAX`](crate::limits::PROCEED_VALUE_MAX) bytes.
    pub value: Option<Envelope>,
    /// A second proceed of the run with the same key is [`Proceeded::Repeated`].
    pub key: Option<Key>,
    /// Who asks for it.
    pub by: Actor,
}

impl Proceed {
    /// At once, as it is.
    pub const fn new(id: RunId) -> Self {
        Self { id, at: None, replacement: None, value: None, key: None, by: Actor::UNKNOWN }
    }
}

/// Execution metadata that a client changed.
///
/// ```
/// use longhaul_core::{doc, store::Replacement};
///
/// let replacement = Replacement { execution_metadata: doc::value(), revision: doc::run().revision };
/// assert_eq!(replacement.revision, 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Replacement {
    /// What to go on with.
    pub execution_metadata: Envelope,
    /// The revision of the run that the change was made on: another one is refused as
    /// [`ProceedError::Conflict`](super::ProceedError::Conflict).
    pub revision: u64,
}

/// What came of a proceed.
///
/// ```
/// use longhaul_core::store::Proceeded;
///
/// assert_ne!(Proceeded::Now, Proceeded::Kept);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proceeded {
    /// The run waits to be claimed.
    Now,
    /// It is kept with the run: one that is running goes on when it suspends; a value is handed to the run when it
    /// next goes on.
    Kept,
    /// A proceed with the same idempotency key was heard before: nothing was changed.
    Repeated,
}

/// A final run shall be tried again, as a new one.
///
/// ```
/// use longhaul_core::{Actor, RunId, doc, store::{Retry, RetryFrom}};
///
/// let successor = RunId::from_bytes([7; 16]);
/// let retry = Retry { id: doc::run().id, successor, from: RetryFrom::default(), by: Actor::named("ann") };
/// assert_eq!(retry.from, RetryFrom::Checkpoint);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The final run.
    pub id: RunId,
    /// The id of the new run, chosen by the client, so that a retry whose answer was lost can be repeated.
    pub successor: RunId,
    /// What the new run begins with.
    pub from: RetryFrom,
    /// Who asks for it.
    pub by: Actor,
}

/// What a retry begins with.
///
/// ```
/// use longhaul_core::store::RetryFrom;
///
/// assert_eq!(RetryFrom::default(), RetryFrom::Checkpoint);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryFrom {
    /// The latest execution metadata.
    #[default]
    Checkpoint,
    /// The execution metadata that the run was enqueued with.
    TheStart,
}

/// What came of a retry.
///
/// ```
/// use longhaul_core::{doc, store::Retried};
///
/// assert_ne!(Retried::New, Retried::Existing(doc::run().id));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// The new run is kept.
    New,
    /// The run was retried before, as this one, and has no other.
    Existing(RunId),
}

/// What came of a cancellation.
///
/// ```
/// use longhaul_core::store::Cancelled;
///
/// assert_ne!(Cancelled::Now, Cancelled::Requested);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The run is Cancelled.
    Now,
    /// The run is running: its server was told.
    Requested,
}

/// What a client does to a run that is not final, besides [`proceed`](super::Store::proceed) and
/// [`cancel`](super::Store::cancel).
///
/// ```
/// use longhaul_core::{StateKind, decide, doc, store::RunUpdate};
///
/// let aside = decide(doc::NOW, &doc::run(), &RunUpdate::Suspend { reason: None }.event())?;
/// assert_eq!(aside.next.state.kind(), StateKind::Suspended);
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunUpdate {
    /// The next attempt of a waiting, retrying or incompatible run begins now.
    RunNow,
    /// The next attempt of a waiting or retrying run begins at this time.
    Reschedule(Timestamp),
    /// It goes ahead of due runs of a lower priority.
    Prioritise(Priority),
    /// It is put aside until a proceed; one that runs is told to stop first.
    Suspend {
        /// Why.
        reason: Option<Box<str>>,
    },
}

impl RunUpdate {
    /// What [`decide`](crate::decide()) is asked.
    pub fn event(self) -> Event {
        match self {
            Self::RunNow => Event::RunNow,
            Self::Reschedule(at) => Event::Reschedule { at },
            Self::Prioritise(priority) => Event::Prioritise { priority },
            Self::Suspend { reason } => Event::Suspend { reason },
        }
    }
}

/// A schedule, as a store sees it: it knows nothing of calendars.
///
/// ```
/// use longhaul_core::{ScheduleName, store::ScheduleRow};
///
/// let row = ScheduleRow { name: ScheduleName::new("nightly")?, revision: 7, value: (*b"{}").into() };
/// assert_eq!(row.value.len(), 2);
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Its name.
    pub name: ScheduleName,
    /// Grows with each change of any schedule; no two changes have the same.
    pub revision: u64,
    /// What it consists of, at most [`SCHEDULE_MAX`](crate::limits::SCHEDULE_MAX) bytes.
    pub value: Arc<[u8]>,
}

/// A change of one schedule, and the runs that come with it.
///
/// ```
/// use longhaul_core::{ScheduleName, store::ScheduleChange};
///
/// let removed = ScheduleChange { name: ScheduleName::new("nightly")?, seen: Some(7), value: None, runs: vec![] };
/// assert!(removed.value.is_none());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleChange {
    /// Its name.
    pub name: ScheduleName,
    /// The revision that the change was made on; `None`: there was no such schedule.
    pub seen: Option<u64>,
    /// What it consists of from now on; `None`: it is removed.
    pub value: Option<Arc<[u8]>>,
    /// Inserted in the same transaction, each kept or refused by itself; at most
    /// [`SCHEDULE_RUNS_MAX`](crate::limits::SCHEDULE_RUNS_MAX), with metadata of at most
    /// [`SCHEDULE_MAX`](crate::limits::SCHEDULE_MAX) bytes each.
    pub runs: Vec<NewRun>,
}

/// A change of a schedule that is kept.
///
/// ```
/// use longhaul_core::{store::ScheduleChanged};
///
/// let changed = ScheduleChanged { revision: 8, runs: vec![] };
/// assert!(changed.runs.is_empty());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleChanged {
    /// The schedule's revision from now on.
    pub revision: u64,
    /// What became of the runs.
    pub runs: Vec<Result<Inserted, InsertError>>,
}

/// What changed among the schedules.
///
/// ```
/// use longhaul_core::{store::Schedules};
///
/// assert_eq!(Schedules::default().position, 0);
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Schedules {
    /// To be handed in as `seen` next time.
    pub position: u64,
    /// Those that are new or changed, by name.
    pub changed: Vec<ScheduleRow>,
    /// Those that were removed, by name.
    pub removed: Vec<ScheduleName>,
}

/// How many runs of a queue are due.
///
/// ```
/// use longhaul_core::{Queue, doc, store::QueueDepth};
/// use std::time::Duration;
///
/// let depth = QueueDepth { queue: Queue::default(), due: 2, oldest: doc::NOW };
/// assert_eq!(doc::NOW.after(Duration::from_secs(7)).since(depth.oldest), Duration::from_secs(7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    /// The queue.
    pub queue: Queue,
    /// So many wait to be claimed, and might be by the time; at least 1.
    pub due: u64,
    /// Since when the one is due that has waited longest.
    pub oldest: Timestamp,
}

/// Which runs. Empty fields match all; the fields are joined by and, the members of one by or.
///
/// ```
/// use longhaul_core::{StateKind, doc, store::Filter};
///
/// assert!(Filter::default().matches(&doc::run()));
/// assert!(!Filter { states: vec![StateKind::Failed], ..Filter::default() }.matches(&doc::run()));
/// assert!(!Filter { before: Some(doc::NOW), ..Filter::default() }.matches(&doc::run()));
/// assert!(!Filter { due_before: Some(doc::NOW), ..Filter::default() }.matches(&doc::run()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Filter {
    /// Of these kinds.
    pub kinds: Vec<Kind>,
    /// In these states.
    pub states: Vec<StateKind>,
    /// In these queues.
    pub queues: Vec<Queue>,
    /// With all of these tags.
    pub tags: Vec<Tag>,
    /// Enqueued at this time or after it.
    pub from: Option<Timestamp>,
    /// Enqueued before this time.
    pub before: Option<Timestamp>,
    /// Due before this time: [`State::due`](crate::State::due). Runs that wait for no time, or are running, do not match.
    pub due_before: Option<Timestamp>,
    /// Only those that were not retried.
    pub not_retried: bool,
}

impl Filter {
    /// Whether `run` is meant.
    pub fn matches(&self, run: &Run) -> bool {
        fn any<T: PartialEq>(wanted: &[T], value: &T) -> bool {
            wanted.is_empty() || wanted.contains(value)
        }
        any(&self.kinds, &run.kind)
            && any(&self.states, &run.state.kind())
            && any(&self.queues, &run.queue)
            && self.tags.iter().all(|tag| run.tags.contains(tag))
            && self.from.is_none_or(|from| run.created >= from)
            && self.before.is_none_or(|before| run.created < before)
            && self.due_before.is_none_or(|before| run.state.due().is_some_and(|due| due < before))
            && !(self.not_retried && run.lineage.successor.is_some())
    }
}

/// In which order runs are listed.
///
/// ```
/// use longhaul_core::{RunId, store::ListOrder};
/// use std::cmp::Ordering;
///
/// let (old, new) = (RunId::from_bytes([1; 16]), RunId::from_bytes([2; 16]));
/// assert_eq!(ListOrder::OldestFirst.compare(old, new), Ordering::Less);
/// assert_eq!(ListOrder::NewestFirst.compare(old, new), Ordering::Greater);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ListOrder {
    /// By their ids, which begin with the time: those that were enqueued first come first.
    #[default]
    OldestFirst,
    /// The other way round.
    NewestFirst,
}

impl ListOrder {
    /// Which of two runs comes first.
    pub fn compare(self, left: RunId, right: RunId) -> Ordering {
        match self {
            Self::OldestFirst => left.cmp(&right),
            Self::NewestFirst => right.cmp(&left),
        }
    }
}

/// A page of runs.
///
/// ```
/// use longhaul_core::store::PageRequest;
///
/// let first = PageRequest { limit: 100, ..PageRequest::default() };
/// assert_eq!(first.after, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// Which runs.
    pub filter: Filter,
    /// In which order.
    pub order: ListOrder,
    /// Those that come after this one in that order; `None`: from the first.
    pub after: Option<RunId>,
    /// At most so many; at most [`PAGE_MAX`](crate::limits::PAGE_MAX).
    pub limit: usize,
}

/// A run whose record or values are not what was written. It holds up nobody else, and can be deleted.
///
/// ```
/// use longhaul_core::{doc, store::Damaged};
///
/// let damaged = Damaged { id: doc::run().id, why: "its checksum is another one".into() };
/// assert!(damaged.to_string().ends_with("is damaged: its checksum is another one"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Which.
    pub id: RunId,
    /// What is wrong with it.
    pub why: Box<str>,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged: {}", self.id, self.why)
    }
}

/// Some of the runs that match.
///
/// ```
/// use longhaul_core::store::Page;
///
/// assert_eq!(Page::default().next, None); // there is no other
/// ```
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Page {
    /// In the order that was asked for.
    pub runs: Vec<Snapshot>,
    /// Runs in the reach of this page that cannot be read, so that nobody knows whether they match.
    pub damaged: Vec<Damaged>,
    /// What to hand in as `after` for the next page; `None`: there is none.
    pub next: Option<RunId>,
}

/// What came of a sweep.
///
/// ```
/// use longhaul_core::store::Swept;
///
/// assert_eq!(Swept::default().removed, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Swept {
    /// So many runs were removed.
    pub removed: usize,
    /// When the next run may be removed, as things stand; `None`: none of those that are kept now.
    pub next: Option<Timestamp>,
}
