//! What can happen to a run.

use std::time::Duration;

pub use crate::stop_request::StopRequest;
use crate::{
    admission::suspects::Blame,
    code::CodeMark,
    envelope::Envelope,
    failure::FailedAttempt,
    family::{AwaitedEnd, AwaitedRuns, ChildCounts},
    id::{Epoch, RunId, ServerId},
    name::Key,
    run::{Due, Priority},
    time::Timestamp,
};

/// What happens to a run; [`decide`](crate::decide()) says what follows from it.
///
/// ```
/// use longhaul_core::{Event, State, decide, doc};
///
/// let claimed = decide(doc::NOW, &doc::run(), &Event::Claim { server: doc::SERVER, begins: true })?.next;
/// assert_eq!((claimed.state, claimed.epoch.0), (State::Running { server: doc::SERVER }, 1));
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Event {
    /// A server takes it, to execute it.
    Claim {
        /// Which incarnation.
        server: ServerId,
        /// Its execution begins at once: no [`Begin`](Self::Begin) will say so.
        begins: bool,
    },
    /// A run that was claimed ahead begins to be executed: from now on it counts as an attempt, and may be the cause if
    /// its process dies.
    Begin {
        /// The claim.
        epoch: Epoch,
    },
    /// The attempt saved its execution metadata.
    Checkpoint {
        /// The attempt that writes.
        epoch: Epoch,
        /// The number of the save within the attempt.
        seq: u32,
        /// The version that it was written under, if the value differs from the one before.
        changed: Option<u16>,
        /// Whether a changed value proves that the run gets ahead: see [`Ending::proves_progress`].
        proves: bool,
        /// The numbers of the messages of the [inbox](crate::Inbox) that the attempt has taken.
        taken: Vec<u64>,
    },
    /// The attempt ended.
    Settle {
        /// The attempt that ended.
        epoch: Epoch,
        /// How.
        ending: Ending,
    },
    /// The attempt's process is gone, or its server's lease ran out.
    Crash {
        /// What is known of it, for people.
        evidence: Box<str>,
        /// Which part it has in that, as [`blame`](crate::admission::suspects::blame) says.
        blame: Blame,
    },
    /// A client lets a suspended run go on, or sends it a value, whatever it is doing.
    Proceed {
        /// Not before; `None`: now.
        at: Option<Timestamp>,
        /// The version that the execution metadata was written under, if the client brings other.
        replaced: Option<u16>,
        /// What the client sends: it goes into the [inbox](crate::Inbox).
        value: Option<Envelope>,
        /// A second proceed with the same key is recognised.
        key: Option<Key>,
    },
    /// A client sends it a signal, whatever it is doing: it goes into the [inbox](crate::Inbox), and lets the run go on if
    /// it is [suspended for it](Ending::Awaits).
    Signal {
        /// Which.
        name: Key,
        /// What comes with it.
        value: Envelope,
        /// A second one with the same key is recognised.
        key: Option<Key>,
    },
    /// Runs that it waits for have ended. A store says so whenever one of them ended, and when the run has just begun to
    /// wait; that nothing has changed for it is an [`IllegalEvent`](crate::IllegalEvent), and of no consequence.
    RunsEnded {
        /// Its children, as they are now.
        children: ChildCounts,
        /// Of the runs that it names, those that are final or not there.
        ended: Vec<AwaitedEnd>,
    },
    /// A client has added all members to the batch that it is the callback of.
    CloseBatch,
    /// The [deadline](crate::Run::deadline) of a suspension, or of a run that has not begun, has passed.
    Expire,
    /// A client calls it off.
    Cancel {
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A client has the next attempt begin now.
    RunNow,
    /// A client has the next attempt begin at another time.
    Reschedule {
        /// Not before.
        at: Timestamp,
    },
    /// A client moves it forward or back among the due runs of its queue.
    Prioritise {
        /// From now on.
        priority: Priority,
    },
    /// A client puts it aside until a proceed: at once, or, when it runs, when its attempt has stopped.
    Suspend {
        /// Why.
        reason: Option<Box<str>>,
    },
    /// A second run of its kind and key came while it waited: it takes over what that one brought.
    Replace {
        /// The newest version under which one of the values was written.
        version: u16,
        /// From now on.
        priority: Priority,
        /// When it is due; `None`: as before.
        due: Option<Timestamp>,
        /// When it expires from now on; `None`: never.
        expires: Option<Timestamp>,
    },
    /// Code that reads the values of the parked run came up.
    ReleaseIncompatible,
    /// A client has the final run tried again, as a new one.
    Retry {
        /// The new run.
        successor: RunId,
    },
    /// The run of its [order key](crate::Constraints::ordered) that was ahead of it is final or gone: it is the next.
    TakeTurn,
    /// A client lets the runs of its order key go on, although it failed.
    Dismiss,
    /// A client, or the retention, removes it.
    Delete,
}

impl Event {
    /// The process that executed the run died. `blamed`: which of those that died with it is more to blame than the
    /// others, as [`blame`](crate::admission::suspects::blame) says.
    ///
    /// ```
    /// use longhaul_core::{Event, admission::suspects::Blame, doc};
    ///
    /// let id = doc::run().id;
    /// assert!(matches!(Event::crash(id, Some((id, Blame::Alone)), "out of memory"), Event::Crash { blame: Blame::Alone, .. }));
    /// assert!(matches!(Event::crash(id, None, "out of memory"), Event::Crash { blame: Blame::Shared, .. }));
    /// ```
    pub fn crash(id: RunId, blamed: Option<(RunId, Blame)>, evidence: &str) -> Self {
        let blame = blamed.filter(|(blamed, _)| *blamed == id).map_or(Blame::Shared, |(_, blame)| blame);
        Self::Crash { evidence: evidence.into(), blame }
    }
}

/// How an attempt ended, as the executor saw it.
///
/// ```
/// use longhaul_core::{Ending, Event, StateKind, decide, doc};
///
/// let claimed = decide(doc::NOW, &doc::run(), &Event::Claim { server: doc::SERVER, begins: true })?.next;
/// let ending = Ending::Suspended { until: None, deadline: None };
/// assert!(ending.proves_progress());
/// let settled = decide(doc::NOW, &claimed, &Event::Settle { epoch: claimed.epoch, ending })?.next;
/// assert_eq!(settled.state.kind(), StateKind::Suspended);
/// # Ok::<(), longhaul_core::IllegalEvent>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a store or an executor that leaves a case out should not compile")]
pub enum Ending {
    /// The task gave its result.
    Completed {
        /// The result.
        result: Envelope,
    },
    /// The task put the run aside.
    Suspended {
        /// Goes on by itself then; `None`: waits for a proceed.
        until: Option<Due>,
        /// Fails then, unless it went on before; `None`: waits as long as it takes.
        deadline: Option<Due>,
    },
    /// The task put the run aside until one of these signals comes. One that is there already lets it go on at once. A
    /// proceed lets it go on too.
    Awaits {
        /// Which; at most [`AWAITED_MAX`](crate::limits::AWAITED_MAX).
        signals: Vec<Key>,
        /// And until these runs are final, whichever comes first.
        runs: Option<AwaitedRuns>,
        /// Goes on by itself then.
        until: Option<Due>,
        /// Fails then, unless it went on before.
        deadline: Option<Due>,
    },
    /// The task failed, or took too long.
    Failed {
        /// What went wrong.
        failure: FailedAttempt,
        /// The task's wish when to try again.
        retry_after: Option<Duration>,
        /// Trying again is of no use.
        permanent: bool,
    },
    /// The task called itself off, or followed a cancellation.
    Cancelled {
        /// Why.
        reason: Option<Box<str>>,
        /// The task's own error, if it gave one.
        error: Option<Envelope>,
    },
    /// The task panicked.
    Panicked {
        /// What the panic said.
        failure: FailedAttempt,
    },
    /// A shutdown broke the attempt off: it goes on in the next process.
    Interrupted {
        /// What broke it off.
        why: Box<str>,
    },
    /// The values could not be read.
    Incompatible {
        /// What was wrong with them.
        why: Box<str>,
        /// The code that could not.
        by: CodeMark,
    },
    /// The claim is given back: the task was never started.
    Returned,
}

impl Ending {
    /// Whether execution metadata that is saved with this ending proves that the run gets ahead. What a task changed
    /// right before it panicked does not: it would do the same again, and never be found out. Saves that came before,
    /// the autosaves among them, do.
    pub const fn proves_progress(&self) -> bool {
        !matches!(self, Self::Panicked { .. })
    }
}
