//! One attempt, as the executor and the task's context share it: no types of the user in here.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
};

use longhaul_core::{
    Clock, Epoch, Kind, Progress, RunId, StateKind, StopRequest, Store,
    code::CodeMark,
    store::{CheckpointError, Checkpointed, Claimed, LogPages, Settlement},
};
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio_util::sync::CancellationToken;

use super::{
    capture::{Capture, CaptureError, FinalState},
    info::{AttemptInfo, ResumedFrom},
    published::PublishedProgress,
    result_format::ResultFormat,
    stop::StopReason,
    times::AttemptTimes,
};
use crate::{
    logs::{LogBuffer, Logs},
    outcome::Stopped,
    telemetry::metrics,
};

pub(crate) struct Attempt {
    pub(crate) id: RunId,
    pub(crate) kind: Kind,
    pub(crate) epoch: Epoch,
    /// The number that people see: which of the executions that began it is.
    pub(crate) number: u32,
    /// How many runs are above it.
    pub(crate) depth: u8,
    /// Whose children are the members of its batch, if it is a callback.
    pub(crate) members_of: RunId,
    pub(crate) resumed_from: ResumedFrom,
    pub(crate) timeout: Option<std::time::Duration>,
    pub(crate) queue: longhaul_core::Queue,
    pub(crate) limit_key: Option<longhaul_core::Key>,
    /// The code that reads its values, once it is known.
    mark: OnceLock<CodeMark>,
    /// How its result is encoded, once its task is known.
    result_format: OnceLock<ResultFormat>,
    /// Its success was settled in a transaction of the user's, and its run came to this state.
    settled: OnceLock<(Settlement, StateKind)>,
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
    saving: Arc<tokio::sync::Mutex<()>>,
    /// A capture is in the hands of the user, who may take any time over it. It holds `saving`.
    lent: AtomicBool,
    /// There is something to save or to publish.
    pub(crate) unsaved: AtomicBool,
    /// Notified when `unsaved` becomes true.
    wake_autosave: Arc<Notify>,
    progress: PublishedProgress,
    /// The user's code has returned, or was dropped; what remains is to tell the store.
    has_returned: AtomicBool,
    /// Calls of `Context::blocking` that are under way.
    pub(crate) blocking: AtomicUsize,
    pub(crate) times: AttemptTimes,
    /// Its server no longer counts it among those to be settled.
    pub(crate) released: AtomicBool,
    /// Log lines that are still to be written.
    pub(crate) log: LogBuffer,
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
        let log = logs.listen(run.id, Epoch(run.attempt()), &clock, &wake_autosave);
        let attempt = Self {
            id: run.id,
            kind: run.kind.clone(),
            epoch: run.epoch,
            number: run.attempt(),
            depth: run.parent().map_or(0, |parent| parent.depth),
            members_of: run.constraints().batch.and_then(|batch| batch.of).unwrap_or(run.id),
            resumed_from: run.last_end.into(),
            timeout: run.timeout,
            queue: run.queue.clone(),
            limit_key: run.constraints().limit_key.clone(),
            mark: OnceLock::new(),
            result_format: OnceLock::new(),
            settled: OnceLock::new(),
            trace: run.constraints().trace.clone(),
            store,
            clock,
            token: CancellationToken::new(),
            reason: OnceLock::new(),
            ended: AtomicBool::new(false),
            seq: AtomicU32::new(run.seq),
            saving: Arc::default(),
            lent: AtomicBool::new(false),
            unsaved: AtomicBool::new(false),
            wake_autosave,
            progress: PublishedProgress::resuming(run.progress.clone().unwrap_or_default()),
            has_returned: AtomicBool::new(false),
            blocking: AtomicUsize::new(0),
            times: AttemptTimes::default(),
            released: AtomicBool::new(false),
            log,
        };
        if let Some(request) = run.request.clone() {
            attempt.stop_as_requested(request);
        }
        Arc::new(attempt)
    }

    pub(crate) fn info(&self) -> AttemptInfo {
        AttemptInfo { run: self.id, number: self.number, resumed_from: self.resumed_from }
    }

    /// This code executes the attempt.
    pub(crate) fn set_mark(&self, mark: CodeMark) {
        let _ = self.mark.set(mark);
    }

    pub(crate) fn mark(&self) -> CodeMark {
        self.mark.get().copied().unwrap_or_default()
    }

    pub(crate) fn set_result_format(&self, format: ResultFormat) {
        let _ = self.result_format.set(format);
    }

    pub(super) fn result_format(&self) -> &ResultFormat {
        self.result_format.get().expect("a context is made after the task is known")
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

    pub(crate) fn stop_as_requested(&self, request: StopRequest) {
        match request {
            StopRequest::Cancel { reason } => self.stop(StopReason::Cancelled { reason }),
            StopRequest::Suspend { reason } => self.stop(StopReason::Suspended { reason }),
        }
    }

    pub(crate) fn ensure_active(&self) -> Result<(), Stopped> {
        if self.token.is_cancelled() { Err(Stopped(())) } else { Ok(()) }
    }

    /// The user's code has returned, or was dropped.
    pub(crate) fn set_returned(&self) {
        self.has_returned.store(true, Ordering::Release);
    }

    pub(crate) fn has_returned(&self) -> bool {
        self.has_returned.load(Ordering::Acquire)
    }

    /// The user's code counts as done, even if it still blocks a thread.
    pub(crate) fn stop_times(&self) {
        if self.times.end(self.clock.now()) {
            metrics::left(&self.kind, &self.queue);
        }
    }
}

/// What it publishes.
impl Attempt {
    /// Changes the progress, but not how much is done.
    pub(crate) fn describe(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.change(None, change);
        self.mark_unsaved();
    }

    /// Changes how much is done.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.change(Some(self.clock.now()), change);
        self.mark_unsaved();
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.get()
    }

    /// The progress, if it was not published yet.
    pub(crate) fn take_progress(&self) -> Option<Progress> {
        self.progress.take()
    }

    /// What was taken to be published was not published.
    pub(crate) fn put_back_progress(&self) {
        self.progress.put_back();
        self.mark_unsaved();
    }

    /// What this attempt reported last, if it reported anything.
    pub(super) fn reported_progress(&self) -> Option<Progress> {
        self.progress.reported()
    }

    /// The lines of its log that are still to be written.
    pub(crate) fn take_log(&self) -> LogPages {
        LogPages { id: self.id, epoch: self.epoch, pages: self.log.take() }
    }

    pub(crate) fn mark_unsaved(&self) {
        if !self.unsaved.swap(true, Ordering::AcqRel) {
            self.wake_autosave.notify_one();
        }
    }
}

/// Saves, one at a time. See `save.rs`.
impl Attempt {
    /// Waits for the save that is under way. Cancel safe.
    pub(super) async fn lock_saves(&self) -> OwnedMutexGuard<()> {
        self.saving.clone().lock_owned().await
    }

    /// `None`: a save is under way.
    pub(super) fn try_lock_saves(&self) -> Option<OwnedMutexGuard<()>> {
        self.saving.clone().try_lock_owned().ok()
    }

    /// The number of the next save.
    pub(super) fn next_seq(&self) -> u32 {
        self.seq.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The number of the latest save.
    pub(super) fn latest_seq(&self) -> u32 {
        self.seq.load(Ordering::Acquire)
    }

    /// It was settled in a transaction of the user's: nothing else of it is written. The user's code goes on until it
    /// returns.
    pub(super) fn set_settled(&self, settlement: Settlement, state: StateKind) {
        let _ = self.settled.set((settlement, state));
        self.ended.store(true, Ordering::SeqCst);
    }

    /// The settlement that was kept already, and the state that its run came to.
    pub(crate) fn settled(&self) -> Option<&(Settlement, StateKind)> {
        self.settled.get()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// A capture goes to the user, or comes back.
    pub(super) fn set_lent(&self, lent: bool) {
        self.lent.store(lent, Ordering::SeqCst);
        // Autosave left this attempt out meanwhile.
        if !lent && self.unsaved.load(Ordering::Acquire) {
            self.wake_autosave.notify_one();
        }
    }

    /// The user holds a capture: nothing else writes to the run, which may be locked by the user's transaction.
    pub(crate) fn is_lent(&self) -> bool {
        self.lent.load(Ordering::SeqCst)
    }

    /// Applies a store's answer to a checkpoint of this attempt. `Err`: it was not kept, and the attempt shall end.
    pub(crate) fn apply_answer(&self, answer: Result<Checkpointed, CheckpointError>) -> Result<(), Stopped> {
        match answer {
            Ok(kept) => {
                if let Some(request) = kept.request {
                    self.stop_as_requested(request);
                }
                Ok(())
            }
            Err(CheckpointError::EpochLost { .. } | CheckpointError::NotFound(_)) => {
                self.stop(StopReason::ClaimLost);
                Err(Stopped(()))
            }
        }
    }

    /// Waits until no save is under way. Cancel safe.
    pub(crate) async fn saved(&self) {
        drop(self.saving.lock().await);
    }

    /// Ends the attempt for whoever still holds its context, and takes what is to be kept with its settlement. Waits
    /// for a save that is under way, but not for a user who holds a capture.
    pub(crate) async fn close(&self, values: Option<&dyn Capture>) -> FinalState {
        self.ended.store(true, Ordering::SeqCst);
        // A capture is lent before its holder looks whether the attempt has ended, so one of the two sees the other.
        let _saving = if self.is_lent() { None } else { Some(self.saving.lock().await) };
        self.close_at_once(values)
    }

    /// The same while a save may be under way that nobody polls any more. If it reaches the store before the
    /// settlement, it is older; if it comes later, the store refuses it.
    pub(crate) fn close_at_once(&self, values: Option<&dyn Capture>) -> FinalState {
        self.ended.store(true, Ordering::SeqCst);
        // The context may outlive the attempt, in a blocking call for instance: let it see the end.
        let _ = self.reason.set(StopReason::ClaimLost);
        self.token.cancel();
        let (captured, refused) = match values.map_or(Ok(None), Capture::capture) {
            Ok(captured) => (captured, None),
            Err(CaptureError::Torn | CaptureError::Unknown) => (None, None),
            Err(CaptureError::Refused(why)) => (None, Some(why)),
        };
        let taken = captured.as_ref().map(|captured| captured.taken.clone()).unwrap_or_default();
        let execution_metadata = captured.map(|captured| (self.latest_seq() + 1, captured.value));
        FinalState { execution_metadata, taken, progress: self.reported_progress(), refused }
    }
}
