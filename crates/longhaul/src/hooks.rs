//! What a server tells of itself and its attempts, to functions of the user.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use longhaul_core::{Kind, Queue, RunId, ServerId, StateKind, StoreError};

use crate::{attempt::ResumedFrom, end::AttemptEnd, panics, telemetry::metrics};

/// What happens on a server, told to [hooks](crate::Builder::hook) as it happens.
///
/// ```
/// # use longhaul::doc::{Count, CountUp};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{Lifecycle, testing::TestServer};
/// use std::sync::mpsc;
///
/// let (tell, told) = mpsc::channel();
/// let server = TestServer::start(|builder| {
///     builder.task(CountUp).hook(move |event| {
///         let line = match event {
///             Lifecycle::AttemptStarted(started) => format!("attempt {} begins", started.number),
///             Lifecycle::AttemptEnded(ended) => format!("{}: it is {}", ended.end.kind(), ended.next.as_str()),
///             _ => return,
///         };
///         let _ = tell.send(line);
///     })
/// });
/// server.client().enqueue::<CountUp>(Count { to: 3 }).await?;
/// server.run_until_idle().await;
/// server.shutdown().await;
/// assert_eq!(told.iter().collect::<Vec<_>>(), ["attempt 1 begins", "completed: it is completed"]);
/// # Ok(())
/// # }
/// ```
///
/// # What holds
/// - Of one attempt it is told in this order: it started; it ended, or was lost, but not both; its run is final.
/// - As ended is told only what the store has kept.
/// - [`ServerStarted`](Self::ServerStarted) comes before all else, and nothing after
///   [`ServerStopped`](Self::ServerStopped).
///
/// # What does not
/// A process that dies tells nothing, and neither does a server that is dropped without a shutdown. Of runs that no
/// attempt of this server executes only the end is told, from when the server has started on: of several servers on one
/// store, each tells it. What has to be done once for each end, also for those that came while nobody listened, is done
/// with the cursor of [`Client::ended`](crate::Client::ended).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Lifecycle {
    /// The server was started. Runs are claimed when its services have started.
    ServerStarted {
        /// This incarnation.
        server: ServerId,
        /// Its [name](crate::Builder::name).
        name: Arc<str>,
    },
    /// The server was told to shut down. Nothing is claimed any more.
    ServerStopping {
        /// This incarnation.
        server: ServerId,
    },
    /// The shutdown is done.
    ServerStopped {
        /// This incarnation.
        server: ServerId,
    },
    /// The store broke: nothing is claimed, and nothing more is kept until it was opened anew.
    StoreBroken {
        /// How, and what to do.
        error: StoreError,
    },
    /// An attempt starts.
    AttemptStarted(AttemptStarted),
    /// An attempt ended, and the store has kept how.
    AttemptEnded(AttemptEnded),
    /// An attempt ended, and the store did not say that it has kept how.
    AttemptLost(AttemptLost),
    /// A run is final, whatever ended it.
    RunFinal(RunFinal),
}

/// An attempt starts.
///
/// ```
/// use longhaul::AttemptStarted;
///
/// fn line(started: &AttemptStarted) -> String {
///     format!("{} waited {:?} in {}", started.kind, started.waited, started.queue)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptStarted {
    /// The run.
    pub run: RunId,
    /// Its kind.
    pub kind: Kind,
    /// The queue that it waited in.
    pub queue: Queue,
    /// Which attempt it is, from 1.
    pub number: u32,
    /// What it begins with.
    pub resumed_from: ResumedFrom,
    /// How long it has waited since it was due.
    pub waited: Duration,
}

/// An attempt ended, and the store has kept how.
///
/// ```
/// use longhaul::AttemptEnded;
///
/// fn line(ended: &AttemptEnded) -> String {
///     format!("{} {} after {:?}: {}", ended.kind, ended.end.kind(), ended.took, ended.end.message().unwrap_or("-"))
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AttemptEnded {
    /// The run.
    pub run: RunId,
    /// Its kind.
    pub kind: Kind,
    /// Its queue.
    pub queue: Queue,
    /// Which attempt it was, from 1.
    pub number: u32,
    /// How it ended: the end that the store kept, without the typed values.
    pub end: AttemptEnd,
    /// The state that the run came to by it.
    pub next: StateKind,
    /// From its start to its end, without the time that it took to keep it.
    pub took: Duration,
}

/// An attempt ended, and the store did not say that it has kept how: the claim was lost, or the run was deleted, or the
/// store broke or did not answer before the shutdown ended. If the run is still there, it goes on from its last
/// checkpoint, on some server.
///
/// ```
/// use longhaul::AttemptLost;
///
/// fn line(lost: &AttemptLost) -> String {
///     format!("attempt {} of {} was lost after {:?}", lost.number, lost.run, lost.took)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptLost {
    /// The run.
    pub run: RunId,
    /// Its kind.
    pub kind: Kind,
    /// Its queue.
    pub queue: Queue,
    /// Which attempt it was, from 1.
    pub number: u32,
    /// From its start to its end.
    pub took: Duration,
}

/// A run is final, whatever ended it: an attempt, a cancellation while it waited, a quarantine. Nothing happens to it any
/// more.
///
/// ```
/// use longhaul::{RunFinal, StateKind};
///
/// fn is_bad(run: &RunFinal) -> bool {
///     run.state == StateKind::Failed
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunFinal {
    /// The run.
    pub run: RunId,
    /// Its kind.
    pub kind: Kind,
    /// Its queue.
    pub queue: Queue,
    /// Completed, Failed or Cancelled.
    pub state: StateKind,
    /// How many attempts it took; none, if it was cancelled before the first.
    pub attempts: u32,
}

/// Whoever is told.
#[derive(Default)]
pub(crate) struct Hooks {
    all: Vec<Hook>,
    /// Nothing is told any more.
    closed: AtomicBool,
}

struct Hook {
    call: Box<dyn Fn(&Lifecycle) + Send + Sync>,
    /// It has panicked before, and that was reported.
    panicked: AtomicBool,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hooks", self.all.len())
    }
}

impl Hooks {
    pub(crate) fn add(&mut self, call: impl Fn(&Lifecycle) + Send + Sync + 'static) {
        self.all.push(Hook { call: Box::new(call), panicked: AtomicBool::new(false) });
    }

    /// Whether somebody listens besides the metrics.
    pub(crate) fn are_of_the_user(&self) -> bool {
        !self.all.is_empty()
    }

    /// Whether anybody listens.
    pub(crate) fn are_there(&self) -> bool {
        metrics::ARE_ON || !self.all.is_empty()
    }

    /// Tells all, in the order in which they were added.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Lifecycle) {
        if !self.are_there() || self.closed.load(Ordering::Acquire) {
            return;
        }
        let event = event();
        metrics::lifecycle(&event);
        for hook in &self.all {
            if let Err(caught) = panics::catch(|| (hook.call)(&event))
                && !hook.panicked.swap(true, Ordering::Relaxed)
            {
                tracing::error!(panic = %caught.message, details = %caught.details, "a lifecycle hook panicked; it is still called, and further panics of it are not told");
            }
        }
    }

    /// Nothing is told from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}
