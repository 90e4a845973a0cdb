//! What servers do with the runs that they execute: they claim them, keep how far they are, and say how they ended.

use std::sync::Arc;

use crate::{
    admission::{Capacity, Offer},
    code::KindSupport,
    envelope::Envelope,
    event::{Ending, StopRequest},
    id::{Epoch, RunId, ServerId},
    limits::CLAIM_MAX,
    log::LogPage,
    name::Label,
    progress::Progress,
    run::Run,
    state::StateKind,
    store::StoreError,
    time::Timestamp,
};

port! {
    ($) forward_attempt_store;

    /// What servers do with the runs that they execute.
    pub trait AttemptStore {
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
        Claim: async fn claim(&self, request: ClaimRequest) -> Result<Vec<Claimed>, StoreError>;

        /// Marks that the executions of runs begin which were claimed ahead, beyond [`ClaimRequest::begin`]: they are attempts
        /// from now on, and may be the cause if their process dies. The mark of a run that has begun is no error.
        ///
        /// When it answers, the marks outlive the process, as claims do; like them they need not survive a power cut. No task
        /// begins before its mark is there, or a task that kills its process would not be found out.
        ///
        /// Callers: executors, for the runs that they hold.
        Begin: async fn begin(&self, runs: Vec<(RunId, Epoch)>) -> Result<Vec<Result<(), CheckpointError>>, StoreError>;

        /// Keeps execution metadata of running attempts. `Ok(Ok(_))` means: no later attempt sees anything older. It brings
        /// back what the run was asked to do meanwhile.
        ///
        /// An item without execution metadata only tells progress: readers see it at once, and it is kept with the run's
        /// next write.
        ///
        /// Callers: executors, for the attempts that they hold.
        Checkpoint: async fn checkpoint(&self, checkpoints: Vec<Checkpoint>) -> Result<Vec<Result<Checkpointed, CheckpointError>>, StoreError>;

        /// Ends attempts: applies their endings, and keeps the last execution metadata in the same transaction.
        ///
        /// [`Settled::Already`] means that this epoch was settled before: the answer to the first call was lost. It is
        /// recognised until the run is claimed again.
        ///
        /// Callers: executors, for the attempts that they hold.
        Settle: async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Result<Settled, SettleError>>, StoreError>;

        /// Keeps pages of the logs of attempts, each in its [place](crate::log::place) of its run's ring. Of a page that is
        /// written again, the later holds. The latest attempt of a run may write, also when it has just ended;
        /// [`CheckpointError::EpochLost`] refuses older ones.
        ///
        /// When it answers, the pages outlive the process, but they need not survive a power cut: nothing depends on them.
        ///
        /// Callers: executors, for their attempts.
        Log: async fn log(&self, pages: Vec<LogPages>) -> Result<Vec<Result<(), CheckpointError>>, StoreError>;
    }
}

/// What a server asks for.
///
/// ```
/// use longhaul_core::{doc, store::ClaimRequest};
///
/// let request = ClaimRequest { wait: true, ..ClaimRequest::new(doc::SERVER, doc::kinds().into(), 8) };
/// assert!(request.labels.is_empty() && !request.capacity.only_listed);
/// ```
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
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
    /// So many of them, the first ones, are executed at once; those after them when [`begin`](AttemptStore::begin) says so.
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

    /// What [`Admission::select`](crate::admission::Admission::select) is asked for.
    ///
    /// ```
    /// use longhaul_core::{doc, store::ClaimRequest};
    ///
    /// assert_eq!(ClaimRequest::new(doc::SERVER, doc::kinds().into(), 8).offer().max, 8);
    /// ```
    pub fn offer(&self) -> Offer<'_> {
        let Self { server, kinds, labels, capacity, max, .. } = self;
        Offer { labels, capacity, ..Offer::new(*server, kinds, *max) }
    }

    /// For stores, before they look for runs: the limits hold.
    ///
    /// # Panics
    /// If it asks for no run, or for more than [`CLAIM_MAX`]. The caller checks that.
    pub fn assert_limits(&self) {
        assert!((1..=CLAIM_MAX).contains(&self.max), "a claim asks for 1 to {CLAIM_MAX} runs, not {}", self.max);
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
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
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
/// let told = Checkpoint { id, epoch: Epoch(1), seq: 0, execution_metadata: None, taken: Vec::new(), progress };
/// assert!(told.execution_metadata.is_none()); // only progress is told
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Checkpoint {
    /// The run.
    pub id: RunId,
    /// The attempt that writes.
    pub epoch: Epoch,
    /// Grows with each save of the attempt, from 1.
    pub seq: u32,
    /// What to keep; `None`: only progress is told, and `seq` does not matter.
    pub execution_metadata: Option<Envelope>,
    /// The numbers of the messages of the [inbox](crate::Inbox) that went into the execution metadata: they are
    /// acknowledged with it. Without execution metadata they do not matter.
    pub taken: Vec<u64>,
    /// How far it is, for people; `None`: as before.
    pub progress: Option<Progress>,
}

/// A save that is kept.
///
/// ```
/// use longhaul_core::store::Checkpointed;
///
/// assert_eq!(Checkpointed::default().request, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct Checkpointed {
    /// What the run was asked to do meanwhile.
    pub request: Option<StopRequest>,
}

/// Why a checkpoint was not kept.
///
/// ```
/// use longhaul_core::{Epoch, RunId, store::CheckpointError};
///
/// let error = CheckpointError::EpochLost { id: RunId::from_bytes([7; 16]), epoch: Epoch(2) };
/// assert!(error.to_string().contains("has lost its claim"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum CheckpointError {
    /// The attempt has lost its claim: it can write nothing any more.
    #[error("attempt {epoch} of {id} has lost its claim")]
    EpochLost {
        /// The run.
        id: RunId,
        /// The attempt that tried to write.
        epoch: Epoch,
    },
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
}

/// The end of an attempt.
///
/// ```
/// use longhaul_core::{Ending, Epoch, doc, store::Settlement};
///
/// let (id, ending) = (doc::run().id, Ending::Completed { result: doc::value() });
/// let settlement = Settlement { id, epoch: Epoch(1), ending, execution_metadata: None, taken: Vec::new(), progress: None };
/// assert!(settlement.ending.proves_progress());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
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
    pub taken: Vec<u64>,
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
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum Settled {
    /// The state that the run is in now.
    Now(StateKind),
    /// It was settled before by the same attempt, and is as that left it.
    Already,
}

/// Why an ending was not kept.
///
/// ```
/// use longhaul_core::{RunId, store::SettleError};
///
/// let error = SettleError::NotFound(RunId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("there is no run_"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum SettleError {
    /// The attempt has lost its claim: it can write nothing any more.
    #[error("attempt {epoch} of {id} has lost its claim")]
    EpochLost {
        /// The run.
        id: RunId,
        /// The attempt that tried to write.
        epoch: Epoch,
    },
    /// There is no such run.
    #[error("there is no {0}")]
    NotFound(RunId),
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
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct LogPages {
    /// The run.
    pub id: RunId,
    /// The attempt that says it.
    pub epoch: Epoch,
    /// In any order, [32](crate::limits::LOG_PAGES_MAX) at most.
    pub pages: Vec<LogPage>,
}
