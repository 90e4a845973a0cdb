//! A run: what is known of it without reading its values.

use std::{sync::Arc, time::Duration};

use crate::{
    constraints::Constraints,
    envelope::Envelope,
    failure::FailedAttempt,
    family::{Awaits, Parent},
    history::{Actor, History},
    id::{Epoch, RunId},
    inbox::Inbox,
    lineage::Lineage,
    name::{Kind, Queue, Tag},
    order::OrderTurn,
    progress::Progress,
    retry::RetryPolicy,
    state::{State, StateKind},
    stop_request::StopRequest,
    time::Timestamp,
};

pub use crate::time::Due;

/// Which of the due runs go first: the higher, the earlier; 0 unless said otherwise.
///
/// ```
/// use longhaul_core::Priority;
///
/// assert!(Priority(1) > Priority::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is a number with a name")]
pub struct Priority(pub i8);

/// One enqueued, persisted execution of a task, without its values: small, and all that [`decide`](crate::decide())
/// needs.
///
/// ```
/// use longhaul_core::{StateKind, doc};
///
/// let run = doc::run();
/// assert_eq!((run.kind.as_str(), run.state.kind(), run.epoch.0), ("demo", StateKind::Pending, 0));
/// assert!(run.constraints().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Run {
    /// Its name.
    pub id: RunId,
    /// The task that executes it.
    pub kind: Kind,
    /// The newest version under which one of its values was written; code older than that does not claim it.
    pub version: u16,
    /// The queue that it waits in.
    pub queue: Queue,
    /// Which of the due runs go first.
    pub priority: Priority,
    /// What it is found by.
    pub tags: Arc<[Tag]>,
    /// How it is tried again.
    pub policy: RetryPolicy,
    /// How long an attempt may take.
    pub timeout: Option<Duration>,
    /// What else it was enqueued with; see [`constraints`](Self::constraints).
    pub constraints: Option<Arc<Constraints>>,
    /// When it was enqueued.
    pub created: Timestamp,

    /// Where it is in its life.
    pub state: State,
    /// When it came there.
    pub since: Timestamp,
    /// Its latest claim; 0 before the first. What an attempt writes carries it, and no store takes an old one.
    pub epoch: Epoch,
    /// How many executions of it have begun; claims that were given back before that are not among them.
    pub attempts: u32,
    /// It is running, and its execution has begun: it is not only claimed ahead.
    pub begun: bool,
    /// The latest checkpoint of that attempt; 0 before the first.
    pub seq: u32,
    /// Whether a checkpoint of that attempt changed the execution metadata.
    pub progressed: bool,
    /// How the attempt before ended: what the next one resumes from.
    pub last_end: LastEnd,
    /// How often what happened.
    pub counts: Counts,
    /// How many times in a row its process died while it was executing and had saved nothing; of runs that died together
    /// beyond the second time it grows for the likeliest only. See [`suspects`](crate::admission::suspects).
    pub suspicion: u8,
    /// What was asked of it while it was running, and is not done yet.
    pub request: Option<StopRequest>,
    /// A proceed came while it was running: when it suspends, it goes on.
    pub pending_proceed: Option<PendingProceed>,
    /// What was sent to it; see [`inbox`](Self::inbox).
    pub inbox: Option<Arc<Inbox>>,
    /// While it is suspended: which runs it waits for.
    pub awaits: Option<Arc<Awaits>>,
    /// How far it is, for people.
    pub progress: Option<Progress>,
    /// Which run it is a retry of, and was retried as.
    pub lineage: Lineage,
    /// Its place among the runs of its [order key](crate::Constraints::ordered).
    pub turn: Option<OrderTurn>,
    /// Grows with each change that anyone could see.
    pub revision: u64,
}

impl Run {
    /// What else it was enqueued with.
    pub fn constraints(&self) -> &Constraints {
        self.constraints.as_deref().unwrap_or(Constraints::none())
    }

    /// Whose child it is.
    pub fn parent(&self) -> Option<&Parent> {
        self.constraints.as_deref()?.parent.as_ref()
    }

    /// What it counts as among the children of its parent; `None`: nothing, because the run that it was retried as counts.
    pub fn counts_as(&self) -> Option<StateKind> {
        self.lineage.successor.is_none().then(|| self.state.kind())
    }

    /// What was sent to it, and whose proceeds it remembers.
    pub fn inbox(&self) -> &Inbox {
        self.inbox.as_deref().unwrap_or(Inbox::none())
    }

    /// When it ends as Cancelled unless an attempt begins before; `None`: it has no such time, or has begun.
    ///
    /// ```
    /// use longhaul_core::{Constraints, Run, doc, run::Due};
    /// use std::time::Duration;
    ///
    /// let constraints = Constraints { expires: Some(Due::After(Duration::from_secs(60))), ..Constraints::default() };
    /// let run = Run { constraints: Some(constraints.into()), ..doc::run() };
    /// assert_eq!(run.expires(), Some(run.created.after(Duration::from_secs(60))));
    /// assert_eq!(doc::run().expires(), None);
    /// ```
    pub fn expires(&self) -> Option<Timestamp> {
        let waits = self.attempts == 0 && self.state.kind() != StateKind::Running && !self.state.is_final();
        let expires = self.constraints.as_deref()?.expires?;
        waits.then(|| expires.time(self.created))
    }

    /// When time alone ends it: its suspension [fails](State::deadline) then, or it [expires](Self::expires).
    ///
    /// ```
    /// use longhaul_core::{Run, State, Timestamp, Waiting, doc};
    ///
    /// let state = State::Suspended { waiting: Waiting::ProceedBy(Timestamp::EPOCH) };
    /// assert_eq!(Run { state, ..doc::run() }.deadline(), Some(Timestamp::EPOCH));
    /// ```
    pub fn deadline(&self) -> Option<Timestamp> {
        self.state.deadline().into_iter().chain(self.expires()).min()
    }

    /// The number of its latest attempt; of a run that is claimed and has not begun, that of the one to come.
    pub fn attempt(&self) -> u32 {
        self.attempts + u32::from(self.state.kind() == StateKind::Running && !self.begun)
    }
}

impl NewRun {
    /// Whose child it is to be.
    pub fn parent(&self) -> Option<&Parent> {
        self.constraints.as_deref()?.parent.as_ref()
    }

    /// What else it is to be enqueued with.
    pub fn constraints(&self) -> &Constraints {
        self.constraints.as_deref().unwrap_or(Constraints::none())
    }

    /// When it is due, for a store that takes it at `now`.
    pub fn due(&self, now: Timestamp) -> Timestamp {
        self.due.map_or(now, |due| due.time(now))
    }
}

/// What happened to a run how often. Only `failures` and `crashes` ever end one.
///
/// ```
/// use longhaul_core::doc;
///
/// assert_eq!(doc::run().counts.failures, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Counts {
    /// Attempts that ended in a typed failure or a timeout: counted towards `attempts_max`.
    pub failures: u32,
    /// Crashes in a row without a new checkpoint of which it was the cause, by a panic or alone: counted towards
    /// `crashes_max`. Deaths of its process that may have another cause are counted as [`Run::suspicion`].
    pub crashes: u32,
    /// Attempts that were broken off by a shutdown.
    pub interruptions: u32,
    /// How often the task put the run aside.
    pub suspensions: u32,
    /// Interruptions and crashes in a row that kept nothing new: a run that is broken off more often than it makes
    /// checkpoints never ends.
    pub restarts_without_progress: u32,
}

/// How the latest attempt ended.
///
/// ```
/// use longhaul_core::{LastEnd, doc};
///
/// assert_eq!(doc::run().last_end, LastEnd::Never);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum LastEnd {
    /// There was none yet.
    #[default]
    Never,
    /// It was broken off by a shutdown.
    Interrupted,
    /// Its process died, its lease ran out, or it panicked.
    Crashed,
    /// It failed.
    Failed,
    /// The task put the run aside.
    Suspended,
    /// It could not read the run's values.
    Incompatible,
}

/// When a run goes on once it suspends, because somebody proceeded it while it was running. Of several proceeds the
/// earliest counts, which is the least.
///
/// ```
/// use longhaul_core::{PendingProceed, Timestamp};
///
/// assert!(PendingProceed::AtOnce < PendingProceed::At(Timestamp::EPOCH));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum PendingProceed {
    /// Then.
    AtOnce,
    /// Not before this time.
    At(Timestamp),
}

/// The outcome of a run, or of its latest failed attempt.
///
/// ```
/// use longhaul_core::{Ended, doc};
///
/// let ended = Ended::Completed(doc::value());
/// assert!(matches!(ended, Ended::Completed(result) if result.decode::<u32>() == Ok(7)));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Ended {
    /// The typed result.
    Completed(Envelope),
    /// What went wrong.
    Failed(FailedAttempt),
    /// It was called off.
    Cancelled {
        /// Why, if that was said.
        reason: Option<Box<str>>,
        /// The task's own error, if it gave one.
        error: Option<Envelope>,
    },
    /// Why the values could not be read.
    Incompatible(Box<str>),
}

/// What a client asks a store to keep.
///
/// ```
/// use longhaul_core::{NewRun, doc, run::Due};
/// use std::time::Duration;
///
/// let later = NewRun { due: Some(Due::After(Duration::from_secs(60))), ..doc::new_run() };
/// assert_eq!(later.due(doc::NOW), doc::NOW.after(Duration::from_secs(60)));
/// assert!(later.constraints().is_empty());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct NewRun {
    /// Chosen by the client, so that an insert whose answer was lost can be repeated: the second is a duplicate.
    pub id: RunId,
    /// See [`Run::kind`].
    pub kind: Kind,
    /// See [`Run::version`].
    pub version: u16,
    /// See [`Run::queue`].
    pub queue: Queue,
    /// See [`Run::priority`].
    pub priority: Priority,
    /// See [`Run::tags`].
    pub tags: Arc<[Tag]>,
    /// See [`Run::policy`].
    pub policy: RetryPolicy,
    /// See [`Run::timeout`].
    pub timeout: Option<Duration>,
    /// Not before; `None`: at once.
    pub due: Option<Due>,
    /// What else is asked; see [`Run::constraints`].
    pub constraints: Option<Arc<Constraints>>,
    /// What is asked for.
    pub metadata: Envelope,
    /// What the first attempt begins with; `None`: the type's default.
    pub execution_metadata: Option<Envelope>,
    /// Who asks for it: the first line of its history.
    pub by: Actor,
}

/// Everything known of a run at one moment.
///
/// ```
/// use longhaul_core::{History, Snapshot, admit, doc};
///
/// let (run, first) = admit(doc::NOW, &doc::new_run());
/// let history = History::starting(first);
/// let new = Snapshot { run, metadata: doc::value(), initial: None, execution_metadata: None, ended: None, history };
/// assert_eq!(new.history.entries.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Snapshot {
    /// The run.
    pub run: Run,
    /// What was asked for.
    pub metadata: Envelope,
    /// What the first attempt began with; `None`: the type's default.
    pub initial: Option<Envelope>,
    /// How far it is; `None`: the type's default.
    pub execution_metadata: Option<Envelope>,
    /// The outcome, once final; before that, the latest failure.
    pub ended: Option<Ended>,
    /// What happened to it.
    pub history: History,
}

impl Snapshot {
    /// Why it was cancelled, if that was said; while it is running, why it is being cancelled.
    ///
    /// ```
    /// use longhaul_core::{History, Snapshot, StopRequest, admit, doc};
    ///
    /// let (run, first) = admit(doc::NOW, &doc::new_run());
    /// let history = History::starting(first);
    /// let new = Snapshot { run, metadata: doc::value(), initial: None, execution_metadata: None, ended: None, history };
    /// assert_eq!(new.cancel_reason(), None);
    /// ```
    pub fn cancel_reason(&self) -> Option<&str> {
        match (&self.ended, &self.run.request) {
            (Some(Ended::Cancelled { reason, .. }), _) | (_, Some(StopRequest::Cancel { reason })) => reason.as_deref(),
            _ => None,
        }
    }
}
