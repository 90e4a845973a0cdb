//! One attempt, as the executor and the task's context share it: no types of the user in here.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
};

use longhaul_core::{
    Clock, Envelope, Epoch, Kind, Progress, RunId, StopRequest, Store, StoreError,
    code::CodeMark,
    progress::Pace,
    run::LastEnd,
    store::{Checkpoint, CheckpointError, Checkpointed, Claimed},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::ErrorBackoff,
    logs::{LogBuffer, Logs},
    outcome::Stopped,
    runtime::AttemptTimes,
    telemetry::metrics::Saving,
};

/// Why an attempt was told to stop.
///
/// ```
/// use longhaul::{Context, StopReason};
///
/// async fn goodbye(ctx: &Context<(), u64>) -> &'static str {
///     ctx.cancellation().cancelled().await;
///     match ctx.stop_reason() {
///         Some(StopReason::Shutdown) => "back in a minute",
///         Some(StopReason::Cancelled { .. }) => "not wanted any more",
///         _ => "told to stop",
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let (ctx, attempt) = longhaul::testing::context((), 0_u64).await;
/// # attempt.stop(StopReason::Shutdown);
/// # assert_eq!(goodbye(&ctx).await, "back in a minute");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The server shuts down. The run goes on in the next process.
    Shutdown,
    /// The run was cancelled.
    Cancelled {
        /// Why, if that was said.
        reason: Option<Box<str>>,
    },
    /// The run was put aside by an operator: it waits for a proceed.
    Suspended {
        /// Why, if that was said.
        reason: Option<Box<str>>,
    },
    /// The attempt took longer than the run's timeout.
    Timeout,
    /// The claim is lost: another attempt has the run, or it was deleted. Nothing that this attempt writes is kept.
    ClaimLost,
    /// The store takes no more writes. The run goes on once the store was opened anew.
    StoreBroken {
        /// What the store said.
        error: StoreError,
    },
    /// A value that was sent to the run is not of the type that the task asked for: the run is parked as incompatible,
    /// and waits for code that can read it.
    Unreadable {
        /// What was wrong with it.
        why: Box<str>,
    },
    /// A value of this attempt was refused, for instance because it is too large: the attempt fails with this.
    Refused {
        /// What was refused, and what to do.
        why: Box<str>,
    },
}

/// What an attempt begins with.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use longhaul::{ResumedFrom, testing};
///
/// let (ctx, _attempt) = testing::context((), 0_u64).await;
/// assert_eq!(ctx.attempt().resumed_from, ResumedFrom::Fresh);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResumedFrom {
    /// Nothing: it is the first.
    Fresh,
    /// A shutdown broke the attempt before off.
    Interruption,
    /// The attempt before took its process down, panicked, or lost its server.
    Crash,
    /// The attempt before failed.
    Failure,
    /// The task had put the run aside.
    Suspension,
}

impl From<LastEnd> for ResumedFrom {
    fn from(end: LastEnd) -> Self {
        match end {
            LastEnd::Never => Self::Fresh,
            LastEnd::Interrupted | LastEnd::Incompatible => Self::Interruption,
            LastEnd::Crashed => Self::Crash,
            LastEnd::Failed => Self::Failure,
            LastEnd::Suspended => Self::Suspension,
        }
    }
}

/// Can take the execution metadata out of a context, whatever its type.
pub(crate) trait Capture: Send + Sync {
    /// The execution metadata as it is now, if it is newer than what is kept.
    fn capture(&self) -> Result<Option<Captured>, CaptureError>;

    /// What the task has taken of what was sent to the run is done with.
    fn account(&self);

    /// What was captured as `generation` is kept.
    fn kept(&self, generation: u64);
}

/// Execution metadata to be kept.
pub(crate) struct Captured {
    pub(crate) value: Envelope,
    /// The number of the last value sent to the run that went into it.
    pub(crate) taken: u64,
    /// How many changes it holds.
    pub(crate) generation: u64,
}

/// Execution metadata that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaptureError {
    /// A closure handed to `update` panicked and may have left it half changed: what was kept before stands.
    #[error("a panic left the execution metadata half changed")]
    Torn,
    /// It cannot be encoded, or is too large.
    #[error("{0}")]
    Refused(String),
}

#[derive(Default)]
struct Told {
    progress: Progress,
    pace: Pace,
    ever: bool,
    unpublished: bool,
}

pub(crate) struct Attempt {
    pub(crate) id: RunId,
    pub(crate) kind: Kind,
    pub(crate) epoch: Epoch,
    /// The number that people see: which of the executions that began it is.
    pub(crate) number: u32,
    pub(crate) resumed_from: ResumedFrom,
    pub(crate) timeout: Option<std::time::Duration>,
    pub(crate) queue: longhaul_core::Queue,
    /// The code that reads its values, once it is known.
    mark: OnceLock<CodeMark>,
    /// The trace that its run comes from.
    pub(crate) trace: Option<Box<str>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    token: CancellationToken,
    reason: OnceLock<StopReason>,
    /// Set once the attempt ended: whatever still holds a context can write nothing.
    ended: AtomicBool,
    /// The number of the latest save.
    seq: AtomicU32,
    /// Locked while a save is under way, so that saves keep their order.
    saving: tokio::sync::Mutex<()>,
    /// There is something to save or to publish.
    pub(crate) unsaved: AtomicBool,
    /// Called when `unsaved` becomes true.
    wake_autosave: Arc<Notify>,
    told: Mutex<Told>,
    /// The user's code has returned, or was dropped; what remains is to tell the store.
    left: AtomicBool,
    /// Calls of `Context::blocking` that are under way.
    pub(crate) blocking: AtomicUsize,
    pub(crate) course: AttemptTimes,
    /// Its server counts it no more among those that are to be settled.
    pub(crate) released: AtomicBool,
    /// What it said, to be written.
    pub(crate) said: LogBuffer,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "attempt {} of {} ({})", self.number, self.id, self.kind)
    }
}

impl Attempt {
    pub(crate) fn new(
        claimed: &Claimed,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        wake_autosave: Arc<Notify>,
        logs: &Logs,
    ) -> Arc<Self> {
        let run = &claimed.run;
        let progress = run.progress.clone().unwrap_or_default();
        let pace = Pace::resuming(progress.rate);
        let said = logs.listen(run.id, Epoch(run.attempt()), &clock, &wake_autosave);
        let attempt = Self {
            id: run.id,
            kind: run.kind.clone(),
            epoch: run.epoch,
            number: run.attempt(),
            resumed_from: run.last_end.into(),
            timeout: run.timeout,
            queue: run.queue.clone(),
            mark: OnceLock::new(),
            trace: run.constraints().trace.clone(),
            store,
            clock,
            token: CancellationToken::new(),
            reason: OnceLock::new(),
            ended: AtomicBool::new(false),
            seq: AtomicU32::new(run.seq),
            saving: tokio::sync::Mutex::new(()),
            unsaved: AtomicBool::new(false),
            wake_autosave,
            told: Mutex::new(Told { progress, pace, ..Told::default() }),
            left: AtomicBool::new(false),
            blocking: AtomicUsize::new(0),
            course: AttemptTimes::default(),
            released: AtomicBool::new(false),
            said,
        };
        if let Some(request) = run.request.clone() {
            attempt.follow(request);
        }
        Arc::new(attempt)
    }

    pub(crate) fn info(&self) -> AttemptInfo {
        AttemptInfo { run: self.id, number: self.number, resumed_from: self.resumed_from }
    }

    /// The code at hand takes the attempt.
    pub(crate) fn taken_by(&self, mark: CodeMark) {
        let _ = self.mark.set(mark);
    }

    pub(crate) fn mark(&self) -> CodeMark {
        self.mark.get().copied().unwrap_or_default()
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub(crate) fn stop_reason(&self) -> Option<&StopReason> {
        self.reason.get()
    }

    /// Tells the attempt to stop; the first reason stands.
    pub(crate) fn stop(&self, reason: StopReason) {
        let _ = self.reason.set(reason);
        self.token.cancel();
    }

    pub(crate) fn follow(&self, request: StopRequest) {
        match request {
            StopRequest::Cancel { reason } => self.stop(StopReason::Cancelled { reason }),
            StopRequest::Suspend { reason } => self.stop(StopReason::Suspended { reason }),
        }
    }

    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    pub(crate) fn is_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    pub(crate) fn ensure_active(&self) -> Result<(), Stopped> {
        if self.token.is_cancelled() { Err(Stopped(())) } else { Ok(()) }
    }

    pub(crate) fn mark_unsaved(&self) {
        if !self.unsaved.swap(true, Ordering::AcqRel) {
            self.wake_autosave.notify_one();
        }
    }

    /// Something else than the count.
    pub(crate) fn tell(&self, change: impl FnOnce(&mut Progress)) {
        self.tell_all(false, change);
    }

    /// How much is done.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Progress)) {
        self.tell_all(true, change);
    }

    fn tell_all(&self, counts: bool, change: impl FnOnce(&mut Progress)) {
        let mut told = self.told.lock().expect("nothing panics while it is held");
        let step = told.progress.step.clone();
        change(&mut told.progress);
        let mut progress = std::mem::take(&mut told.progress).clamped();
        if progress.step != step {
            told.pace.reset();
            progress.rate = None;
        }
        if counts {
            progress.rate = told.pace.told(self.clock.now(), progress.done);
        }
        told.progress = progress;
        told.ever = true;
        told.unpublished = true;
        drop(told);
        self.mark_unsaved();
    }

    pub(crate) fn progress(&self) -> Progress {
        self.told.lock().expect("nothing panics while it is held").progress.clone()
    }

    /// The progress, if it was not published yet.
    pub(crate) fn take_progress(&self) -> Option<Progress> {
        let mut told = self.told.lock().expect("nothing panics while it is held");
        std::mem::take(&mut told.unpublished).then(|| told.progress.clone())
    }

    /// What was taken to be published, was not.
    pub(crate) fn publish_again(&self) {
        let mut told = self.told.lock().expect("nothing panics while it is held");
        told.unpublished = told.ever;
        drop(told);
        self.mark_unsaved();
    }

    /// Saves what changed, and keeps trying while the store may come back. `Err`: this attempt shall end.
    ///
    /// Cancel safe: a save that was dropped half way is either made or not, and the next one comes after it.
    pub(crate) async fn save(&self, values: &dyn Capture) -> Result<(), Stopped> {
        let _saving = self.saving.lock().await;
        if self.ended.load(Ordering::Acquire) {
            return Err(Stopped(()));
        }
        self.unsaved.store(false, Ordering::Release);
        let unkept = Unkept(self);
        let captured = match values.capture() {
            Ok(captured) => captured,
            Err(CaptureError::Torn) => return self.ensure_active(),
            Err(CaptureError::Refused(why)) => {
                self.stop(StopReason::Refused { why: why.into() });
                return Err(Stopped(()));
            }
        };
        let progress = self.take_progress();
        let seq = self.seq.fetch_add(captured.is_some().into(), Ordering::AcqRel) + u32::from(captured.is_some());
        let taken = captured.as_ref().map_or(0, |captured| captured.taken);
        let (execution_metadata, generation) = captured.map(|captured| (captured.value, captured.generation)).unzip();
        if execution_metadata.is_some() || progress.is_some() {
            let (id, epoch) = (self.id, self.epoch);
            self.keep(Checkpoint { id, epoch, seq, execution_metadata, taken, progress }).await?;
        }
        if let Some(generation) = generation {
            values.kept(generation);
        }
        unkept.defuse();
        self.ensure_active()
    }

    async fn keep(&self, checkpoint: Checkpoint) -> Result<(), Stopped> {
        let saving = checkpoint.execution_metadata.is_some().then(|| Saving::of(self));
        let mut max_wait = ErrorBackoff::default();
        loop {
            match self.store.checkpoint(vec![checkpoint.clone()]).await {
                Ok(mut answers) => {
                    self.heard(answers.pop().expect("one answer for one checkpoint"))?;
                    if let Some(saving) = saving {
                        saving.kept(self);
                    }
                    return Ok(());
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(run.id = %self.id, %error, "a checkpoint waits for the store");
                    tokio::select! {
                        () = max_wait.pause() => {}
                        // Stopped while the store is away: the last save goes with the settlement.
                        () = self.token.cancelled() => return Err(Stopped(())),
                    }
                }
                Err(error) => {
                    self.stop(StopReason::StoreBroken { error });
                    return Err(Stopped(()));
                }
            }
        }
    }

    /// What the store answered to a checkpoint of this attempt. `Err`: it was not kept, and the attempt shall end.
    pub(crate) fn heard(&self, answer: Result<Checkpointed, CheckpointError>) -> Result<(), Stopped> {
        match answer {
            Ok(kept) => {
                if let Some(request) = kept.request {
                    self.follow(request);
                }
                Ok(())
            }
            Err(CheckpointError::EpochLost { .. } | CheckpointError::NotFound(_)) => {
                self.stop(StopReason::ClaimLost);
                Err(Stopped(()))
            }
        }
    }

    /// Ends the attempt for whoever still holds its context, and takes what is to be kept with its settlement.
    pub(crate) async fn close(&self, values: Option<&dyn Capture>) -> FinalState {
        let _saving = self.saving.lock().await;
        self.close_at_once(values)
    }

    /// Waits until no save is under way. Cancel safe.
    pub(crate) async fn saved(&self) {
        drop(self.saving.lock().await);
    }

    /// The same as [`close`](Self::close) while a save may be under way that nobody moves on any more. If the store gets
    /// it before the settlement, it is older; if it gets it after, it refuses it.
    pub(crate) fn close_at_once(&self, values: Option<&dyn Capture>) -> FinalState {
        self.ended.store(true, Ordering::Release);
        // The context may outlive the attempt, in a blocking call for instance: let it see the end.
        let _ = self.reason.set(StopReason::ClaimLost);
        self.token.cancel();
        let (captured, refused) = match values.map_or(Ok(None), Capture::capture) {
            Ok(captured) => (captured, None),
            Err(CaptureError::Torn) => (None, None),
            Err(CaptureError::Refused(why)) => (None, Some(why)),
        };
        let taken = captured.as_ref().map_or(0, |captured| captured.taken);
        let execution_metadata = captured.map(|captured| (self.seq.load(Ordering::Acquire) + 1, captured.value));
        let told = self.told.lock().expect("nothing panics while it is held");
        FinalState { execution_metadata, taken, progress: told.ever.then(|| told.progress.clone()), refused }
    }
}

/// A save under way: unless it comes to its end, what it took is still to be saved.
struct Unkept<'a>(&'a Attempt);

impl Unkept<'_> {
    fn defuse(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unkept<'_> {
    fn drop(&mut self) {
        self.0.publish_again();
    }
}

/// What is kept with the settlement of an attempt.
#[derive(Debug, Default)]
pub(crate) struct FinalState {
    pub(crate) execution_metadata: Option<(u32, Envelope)>,
    pub(crate) taken: u64,
    pub(crate) progress: Option<Progress>,
    /// The execution metadata cannot be kept.
    pub(crate) refused: Option<String>,
}

/// What a user's code may know of its attempt.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let (ctx, _attempt) = longhaul::testing::context((), 0_u64).await;
/// assert_eq!(ctx.attempt().number, 1);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttemptInfo {
    /// The run.
    pub run: RunId,
    /// Which attempt at it this is, from 1. Suspensions and interruptions count too: it is a number, not a budget.
    pub number: u32,
    /// What it begins with.
    pub resumed_from: ResumedFrom,
}
