//! The port to a store: what every store must do, in words of the domain.
//!
//! A store keeps runs and their values, and applies [`decide`](crate::decide()) to them; it decides nothing itself.
//! The suite `longhaul_testkit::conformance` states the rules below as tests.
//!
//! Rules for all methods:
//! - **Durable.** `Ok` means: kept as the store's durability says, so that no crash undoes it, unless the method says
//!   otherwise. `Err` from the store itself ([`StoreError`]) means: perhaps kept, perhaps not; never half.
//! - **Atomic.** What one item of a batch changes is kept together or not at all. A batch is several such items: one
//!   may be refused while the others are kept.
//! - **Fenced.** What an attempt writes carries its epoch; a store refuses an old one, whoever sends it.
//! - **Repeatable.** A call whose answer was lost can be made again: inserts are recognised by their id, checkpoints by
//!   their seq, settlements by their epoch.
//! - **Cancel safe.** A future that is dropped before it is ready leaves the call either made or not made.

mod ended;
mod error;
mod message;

use async_trait::async_trait;

pub use ended::{EndedCursor, EndedError, EndedPage, EndedRequest, EndedRun, ParseCursorError};
pub use error::{
    CancelError, CheckpointError, DeleteError, GetError, InsertError, ProceedError, RetryError, ScheduleError,
    ServerError, SettleError, StoreError, UpdateError,
};
pub use message::{
    Cancelled, Checkpoint, Checkpointed, ClaimRequest, Claimed, Damaged, Filter, ListOrder, LogPages, Page,
    PageRequest, Proceed, Proceeded, QueueDepth, Replacement, Retried, Retry, RetryFrom, RunUpdate, ScheduleChange,
    ScheduleChanged, ScheduleRow, Schedules, ServerBeat, Settled, Settlement, StopSignal, StopSignals, Swept,
};

use crate::{
    constraints::Inserted,
    control::{Control, ControlChange, Controls, Scope},
    explain::Explanation,
    history::Actor,
    id::{Epoch, RunId, ServerId},
    log::{Log, LogRequest},
    name::{Key, Kind},
    retention::Retentions,
    run::{NewRun, Snapshot},
    state::StateKind,
};

/// Where runs live.
///
/// ```no_run
/// use longhaul_core::{Ending, Store, StoreError, doc, limits::CLAIM_MAX, store::{Checkpoint, ClaimRequest, Filter, Settlement}};
///
/// /// What an executor does, in one line each.
/// async fn execute(store: &dyn Store) -> Result<(), Box<dyn std::error::Error>> {
///     store.insert(vec![doc::new_run()]).await?;
///     store.heartbeat(doc::beat()).await?;
///     for claimed in store.claim(ClaimRequest::new(doc::SERVER, doc::kinds().into(), CLAIM_MAX)).await? {
///         let (id, epoch) = (claimed.run.id, claimed.run.epoch);
///         let execution_metadata = Some(doc::value());
///         store.checkpoint(vec![Checkpoint { id, epoch, seq: 1, execution_metadata, taken: 0, progress: None }]).await?;
///         let ending = Ending::Completed { result: doc::value() };
///         store.settle(vec![Settlement { id, epoch, ending, execution_metadata: None, taken: 0, progress: None }]).await?;
///         let after = store.changed(id, claimed.run.revision).await?;
///         assert!(after.run.state.is_final());
///         println!("{}", store.explain(id).await?);
///     }
///     println!("{} runs, {} servers declared dead", store.count(Filter::default()).await?, store.expire().await?);
///     Ok(store.leave(doc::SERVER).await?)
/// }
/// ```
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Keeps new runs. Each is kept or refused by itself; the answers are in the order of `runs`.
    ///
    /// An id that is already kept is [`InsertError::Duplicate`], also when its run is final: repeating an insert is
    /// harmless. Where a run has the new one's [unique key](crate::Unique), [`constraints::conflict`](crate::constraints::conflict)
    /// says what becomes of the two; a run of an earlier place in the same batch counts.
    async fn insert(&self, runs: Vec<NewRun>) -> Result<Vec<Result<Inserted, InsertError>>, StoreError>;

    /// Takes up to `request.max` due runs for a server: of the kinds and versions that it reads, which require no labels
    /// that it has not, as [`Admission::select`](crate::admission::Admission::select) says. A slot of a limit is taken with the claim
    /// and free again as soon as the run does not run any more, however that comes. With `request.wait` it answers only when there is at least one; without, at once.
    ///
    /// When it answers, the claims are in the file (or the database) so that a process which dies executing them is
    /// found out, but they need not survive a power cut: the runs are due again then anyway. A claim whose future was
    /// dropped is given back by the store. A server that was declared dead, or left, gets nothing. Runs with which processes died again and again are handed out one at a
    /// time, see [`suspects`](crate::admission::suspects).
    ///
    /// Callers: executors.
    async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError>;

    /// Marks that the executions of runs begin which were claimed ahead, beyond [`ClaimRequest::begin`]: they are attempts
    /// from now on, and may be the cause if their process dies. The mark of a run that has begun is no error.
    ///
    /// When it answers, the marks outlive the process, as claims do; like them they need not survive a power cut. No task
    /// begins before its mark is there, or a task that kills its process would not be found out.
    ///
    /// Callers: executors, for the runs that they hold.
    async fn begin(&self, runs: Vec<(RunId, Epoch)>) -> Result<Vec<Result<(), CheckpointError>>, StoreError>;

    /// Keeps execution metadata of running attempts. `Ok(Ok(_))` means: no later attempt sees anything older. It brings
    /// back what the run was asked to do meanwhile.
    ///
    /// An item without execution metadata only tells progress: readers see it at once, and it is kept with the run's
    /// next write.
    ///
    /// Callers: executors, for the attempts that they hold.
    async fn checkpoint(
        &self,
        checkpoints: Vec<Checkpoint>,
    ) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError>;

    /// Ends attempts: applies their endings, and keeps the last execution metadata in the same transaction.
    ///
    /// [`Settled::Already`] means that this epoch was settled before: the answer to the first call was lost. It is
    /// recognised until the run is claimed again.
    ///
    /// Callers: executors, for the attempts that they hold.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError>;

    /// Keeps pages of the logs of attempts, each in its [place](crate::log::place) of its run's ring. Of a page that is
    /// written again, the later holds. The latest attempt of a run may write, also when it has just ended;
    /// [`CheckpointError::EpochLost`] refuses older ones.
    ///
    /// When it answers, the pages outlive the process, but they need not survive a power cut: nothing depends on them.
    ///
    /// Callers: executors, for their attempts.
    async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError>;

    /// Says that a server lives, for `beat.lease` from now on. The first beat makes it known. One that was declared
    /// dead stays dead: [`ServerError::Dead`] tells it to stop its attempts, and a restart takes a new id.
    async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError>;

    /// Declares those servers dead whose lease has run out, and takes away their claims, as a crash. Goes by the
    /// lease only, never by how long a run takes. Answers how many runs were taken away.
    ///
    /// Callers: any server, now and then, after its own heartbeat.
    async fn expire(&self) -> Result<usize, StoreError>;

    /// A server goes, in good order: it holds no claims any more (what it still holds is taken away as a crash), and
    /// its id is never used again.
    async fn leave(&self, server: ServerId) -> Result<(), StoreError>;

    /// What was asked of the runs that `server` executes, after the position `seen` (0 at first). Waits until there is
    /// something to tell. Not durable: a request is kept with the run, and every checkpoint brings it back too.
    async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError>;

    /// Lets a suspended run go on, at once or at a time, with other execution metadata if the caller brings some. One
    /// that runs keeps the proceed until it suspends; if the caller brings other execution metadata, a run that is not
    /// suspended is refused.
    ///
    /// With a value, every run that is not final (or being cancelled) is heard: the value is in its
    /// [inbox](crate::Inbox) when this answers, is handed over with each claim until it is acknowledged, and lets the
    /// run go on if it is, or when it becomes, suspended.
    async fn proceed(&self, proceed: Proceed) -> Result<Proceeded, ProceedError>;

    /// Calls a run off: at once, or, when it runs, by asking its server to stop it.
    async fn cancel(&self, id: RunId, reason: Option<Box<str>>, by: Actor) -> Result<Cancelled, CancelError>;

    /// Has a final run tried again, as a new one: [`lineage::succeed`](crate::lineage::succeed) says what becomes of the
    /// two. The link in the old run and the new run are kept together or not at all, so a run has at most one successor:
    /// another retry of it is [`Retried::Existing`], also when the same was asked again because its answer was lost.
    ///
    /// The new run has the [unique key](crate::Unique) of the old one. Where another run has that key, the retry is
    /// refused as [`RetryError::Taken`], whatever is said of conflicts.
    async fn retry(&self, retry: Retry) -> Result<Retried, RetryError>;

    /// Changes when, and whether, a run that is not final goes on. Answers the state that it is in afterwards.
    async fn update(&self, id: RunId, update: RunUpdate, by: Actor) -> Result<StateKind, UpdateError>;

    /// Changes what holds back a queue or a kind, and answers what holds now. Claims that wait see it at once; what
    /// runs already runs on.
    async fn control(&self, scope: Scope, change: ControlChange) -> Result<Control, StoreError>;

    /// All that holds back queues and kinds.
    async fn controls(&self) -> Result<Controls, StoreError>;

    /// Removes a run that does not run, and all its values, also if they cannot be read.
    async fn delete(&self, id: RunId) -> Result<(), DeleteError>;

    /// Gives those of these runs that are parked as Incompatible a new chance. Answers how many.
    ///
    /// Callers: servers, when they start, of runs that their code reads.
    async fn release_incompatible(&self, runs: Vec<RunId>) -> Result<usize, StoreError>;

    /// The run that has this unique key now, of this kind: the one that a second run would meet.
    async fn find_by_key(&self, kind: Kind, key: Key) -> Result<Option<RunId>, StoreError>;

    /// The run as it is now. A suspension whose deadline has passed is over: the run is Failed, though nobody executes
    /// its kind.
    async fn get(&self, id: RunId) -> Result<Snapshot, GetError>;

    /// Changes a schedule, and inserts the runs that come with the change, together or not at all. Of changes that were
    /// made on the same revision one is kept: so of many servers, one enqueues the run of an instant.
    async fn schedule(&self, change: ScheduleChange) -> Result<ScheduleChanged, ScheduleError>;

    /// What changed among the schedules since the position `seen`: all of them at first, with 0. Waits until there is
    /// something to tell, but answers at once with 0.
    async fn schedules(&self, seen: u64) -> Result<Schedules, StoreError>;

    /// Why the run is not running now.
    async fn explain(&self, id: RunId) -> Result<Explanation, GetError>;

    /// What an attempt of the run said, as [`gather`](crate::log::gather) makes it of the pages that are kept.
    async fn read_log(&self, request: LogRequest) -> Result<Log, GetError>;

    /// The run as soon as its revision is above `seen`; at once if it is. The revision grows with every change, so no
    /// change is missed, though several may be seen as one.
    async fn changed(&self, id: RunId, seen: u64) -> Result<Snapshot, GetError>;

    /// Runs that match, in the order of their ids (by time of enqueueing, the oldest or the newest first), page by page. A page may hold fewer runs than
    /// asked for, even none, and yet name a next one: a store reads only so much at a time. Runs that cannot be read are
    /// named apart: one of them must not hide the others.
    async fn list(&self, request: PageRequest) -> Result<Page, StoreError>;

    /// Runs that ended after a position, whatever ended them, in the order in which their ends became durable; those of
    /// one transaction in the order of their ids. With `request.wait` it answers only when there is one.
    ///
    /// **No end is skipped.** A position is shown only when no end can be kept at a smaller one any more: a store whose
    /// transactions become visible in another order than that of their positions holds the later ones back until the
    /// earlier ones are decided. So a reader who kept the cursor of the last run that it has dealt with misses none, and
    /// sees none twice. An end whose run was removed can be told no more: a cursor before it is
    /// [`EndedError::Overtaken`], and the cursor in that error goes on with what is left.
    ///
    /// Runs that were imported, or ended before the store kept positions, are not among them.
    async fn ended(&self, request: EndedRequest) -> Result<EndedPage, EndedError>;

    /// How many runs match. Those that cannot be read are not counted.
    async fn count(&self, filter: Filter) -> Result<u64, StoreError>;

    /// How many runs wait though they are due, by queue, in the order of their names; a queue that is not there has none.
    /// What holds them back (a pause, a limit, no server with their kind) makes no difference.
    ///
    /// It is answered from what is at hand, and may be asked every few seconds: a store with a million due runs reads
    /// none of them for it.
    async fn queues(&self) -> Result<Vec<QueueDepth>, StoreError>;

    /// Removes at most `max` final runs that `retentions` lets go of, those first whose time came first. Answers when it
    /// is worth calling again.
    async fn sweep(&self, retentions: Retentions, max: usize) -> Result<Swept, StoreError>;

    /// Closes the store for all who have it: calls that wait fail as [`StoreError::Closed`], and so does every call from
    /// now on. When it returns, nobody needs to wait to open the store anew. Repeating it is harmless.
    ///
    /// It takes nothing back: a server that ends in good order settles its attempts and [leaves](Self::leave) first.
    ///
    /// Callers: whoever opened it; a server that it was handed to by value.
    async fn close(&self);

    /// Whether there are other handles of this store, whose holders may still need it. The server that it was handed to
    /// by value closes it with itself only if there are none.
    fn is_shared(&self) -> bool;
}
