//! Hooks: functions of the user that a server calls with its lifecycle events and those of its attempts.

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

/// An event on a server, reported to its [hooks](crate::Builder::hook) as it happens.
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
/// # What is guaranteed
/// - The events of one attempt come in this order: it started; it ended, or was lost, but not both; its run is final.
/// - An attempt is reported as ended only when the store has kept its end.
/// - [`ServerStarted`](Self::ServerStarted) is the first event, and [`ServerStopped`](Self::ServerStopped) the last.
///
/// # What is not
/// A process that dies reports nothing, and neither does a server that is dropped without a shutdown. For runs that no
/// attempt of this server executes, only the end is reported, and only from the start of the server on: a run that is
/// quarantined while the store is opened after a crash ended before. If several servers share a store, each of them
/// reports it. To do something exactly once for each end, including those that came
/// while no server was listening, use the cursor of [`Client::ended`](crate::Client::ended).
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
    /// The server has begun to shut down. It claims nothing any more.
    ServerStopping {
        /// This incarnation.
        server: ServerId,
    },
    /// The shutdown is complete.
    ServerStopped {
        /// This incarnation.
        server: ServerId,
    },
    /// The store broke: nothing is claimed, and nothing is kept until it is opened again.
    StoreBroken {
        /// What happened, and what to do about it.
        error: StoreError,
    },
    /// An attempt starts.
    AttemptStarted(AttemptStarted),
    /// An attempt ended, and the store has kept its end.
    AttemptEnded(AttemptEnded),
    /// An attempt ended, and the store did not confirm that it has kept its end.
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
    /// What it resumes from.
    pub resumed_from: ResumedFrom,
    /// How long the run waited after it was due.
    pub waited: Duration,
}

/// An attempt ended, and the store has kept its end.
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
    /// The state of the run after it.
    pub next: StateKind,
    /// From its start to its end, without the time that it took to store the end.
    pub took: Duration,
}

/// An attempt ended, and the store did not confirm that it has kept its end: the claim was lost, the run was deleted,
/// or the store broke or did not answer before the shutdown ended. If the run still exists, some server resumes it from
/// its last checkpoint.
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

/// A run is final, whatever ended it: an attempt, a cancellation while it waited, or a quarantine. It does not change
/// any more.
///
/// A server that owns its store ([`Builder::store`](crate::Builder::store)) reports all runs that ended since the store was
/// opened, also those that the opening itself ended. With a shared store it reports what ends after its start.
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

/// All hooks of a server.
#[derive(Default)]
pub(crate) struct Hooks {
    all: Vec<Hook>,
    /// No more events are reported.
    closed: AtomicBool,
}

struct Hook {
    call: Box<dyn Fn(&Lifecycle) + Send + Sync>,
    /// It has panicked before, and that was logged.
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

    /// Whether the user has added any, so that events matter to more than the metrics.
    pub(crate) fn are_of_the_user(&self) -> bool {
        !self.all.is_empty()
    }

    /// Whether events matter to anyone.
    pub(crate) fn are_there(&self) -> bool {
        metrics::ARE_ON || !self.all.is_empty()
    }

    /// Calls all hooks, in the order in which they were added.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Lifecycle) {
        if !self.are_there() || self.closed.load(Ordering::Acquire) {
            return;
        }
        let event = event();
        count(&event);
        for hook in &self.all {
            if let Err(caught) = panics::catch(|| (hook.call)(&event))
                && !hook.panicked.swap(true, Ordering::Relaxed)
            {
                tracing::error!(panic = %caught.message, details = %caught.details, "a lifecycle hook panicked; it is still called, and its further panics are not logged");
            }
        }
    }

    /// From now on, no event is reported.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// Counts an event in the metrics.
fn count(event: &Lifecycle) {
    match event {
        Lifecycle::AttemptStarted(AttemptStarted { kind, queue, resumed_from, waited, .. }) => {
            metrics::started(kind, queue, *waited, *resumed_from == ResumedFrom::Crash);
        }
        Lifecycle::AttemptEnded(AttemptEnded { kind, queue, end, next, took, .. }) => {
            metrics::ended(kind, queue, end.kind().as_str(), *took, *next == StateKind::Retrying);
        }
        Lifecycle::AttemptLost(AttemptLost { kind, queue, took, .. }) => metrics::lost(kind, queue, *took),
        _ => {}
    }
}
