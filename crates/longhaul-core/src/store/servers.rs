//! Which servers live, and what they are asked to stop.

mod living;

use std::{sync::Arc, time::Duration};

pub use self::living::Servers;

use crate::{
    admission::Offer,
    code::KindSupport,
    event::StopRequest,
    id::{Epoch, RunId, ServerId},
    name::{Kind, Label, Queue},
    run::Run,
    store::{KindDescription, StoreError},
    time::Timestamp,
};

port! {
    ($) forward_server_store;

    /// Which servers live, and what they are asked to stop.
    pub trait ServerStore {
        /// Says that a server lives, for `beat.lease` from now on. The first beat makes it known. One
        /// that has claimed before, and never beats, loses its claims too, in a store that several processes share. One that was
        /// declared dead stays dead: [`ServerError::Dead`] tells it to stop its attempts, and a restart takes a new id.
        Heartbeat: async fn heartbeat(&self, beat: ServerBeat) -> Result<(), ServerError>;

        /// Declares those servers dead whose lease has run out, and takes away their claims, as a crash. Goes by the
        /// lease only, never by how long a run takes. Answers how many runs were taken away.
        ///
        /// Callers: any server, now and then, after its own heartbeat.
        Expire: async fn expire(&self) -> Result<usize, StoreError>;

        /// A server goes, in good order: it holds no claims any more (what it still holds is taken away as a crash), and
        /// its id is never used again.
        Leave: async fn leave(&self, server: ServerId) -> Result<(), StoreError>;

        /// What was asked of the runs that `server` executes, after the position `seen` (0 at first). Waits until there is
        /// something to tell. Not durable: a request is kept with the run, and every checkpoint brings it back too.
        StopRequests: async fn stop_requests(&self, server: ServerId, seen: u64) -> Result<StopSignals, StoreError>;

        /// Keeps what the code of a server says of its kinds, each [in place](KindDescription::replaces) of what was
        /// stored of it. It stays when the server is gone.
        ///
        /// Callers: servers, when they start, if something of it is not stored yet.
        DescribeKinds: async fn describe_kinds(&self, kinds: Vec<KindDescription>) -> Result<(), StoreError>;

        /// The servers that live, by id, with what they execute now. It is as of now, of what this handle knows of the
        /// store: claims of other handles may come a moment later.
        Servers: async fn servers(&self) -> Result<Vec<ServerInfo>, StoreError>;
    }
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
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct ServerBeat {
    /// Which incarnation.
    pub server: ServerId,
    /// Its name, for people.
    pub name: Arc<str>,
    /// How long it is taken to live without another beat.
    pub lease: Duration,
    /// What it can execute, for [`explain`](super::Inspect::explain).
    pub kinds: Arc<[KindSupport]>,
    /// What it has, for the same.
    pub labels: Arc<[Label]>,
}

impl ServerBeat {
    /// The beat of a server that has told nothing of what it takes.
    pub fn new(server: ServerId, name: &str, lease: Duration) -> Self {
        Self { server, name: name.into(), lease, kinds: [].into(), labels: [].into() }
    }

    /// What the server takes, for [`explain`](super::Inspect::explain).
    ///
    /// ```
    /// use longhaul_core::doc;
    ///
    /// assert_eq!(doc::beat().offer().server, doc::SERVER);
    /// ```
    pub fn offer(&self) -> Offer<'_> {
        Offer { labels: &self.labels, ..Offer::new(self.server, &self.kinds, 1) }
    }
}

/// Why a heartbeat was refused.
///
/// ```
/// use longhaul_core::{ServerId, store::ServerError};
///
/// let error = ServerError::Dead(ServerId::from_bytes([7; 16]));
/// assert!(error.to_string().contains("must stop its attempts"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub enum ServerError {
    /// The server was declared dead, or left: its claims were taken away.
    #[error("{0} was declared dead: its claims were taken away, and it must stop its attempts")]
    Dead(ServerId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was asked of runs that a server executes.
///
/// ```
/// use longhaul_core::store::StopSignals;
///
/// assert!(StopSignals::default().stop_requests.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
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
#[expect(
    clippy::exhaustive_structs,
    reason = "a message of the port: stores build it and match it, and a minor release may change it"
)]
pub struct StopSignal {
    /// The run.
    pub id: RunId,
    /// The attempt that runs.
    pub epoch: Epoch,
    /// What it shall do.
    pub request: StopRequest,
}

/// A server that lives, as others see it.
///
/// ```
/// use longhaul_core::{doc, store::ServerInfo};
///
/// let info = ServerInfo { beat: doc::beat(), last_beat: doc::NOW, running: vec![] };
/// assert!(info.lives_until() > doc::NOW);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct ServerInfo {
    /// What it said of itself: its id, name, labels, and the kinds and versions that it executes.
    pub beat: ServerBeat,
    /// When it said so last, by the clock of the store.
    pub last_beat: Timestamp,
    /// What it holds now, by id.
    pub running: Vec<RunningRun>,
}

impl ServerInfo {
    /// When it is declared dead, if it does not say that it lives before.
    pub fn lives_until(&self) -> Timestamp {
        self.last_beat.after(self.beat.lease)
    }
}

/// A run that a server holds.
///
/// ```
/// use longhaul_core::{doc, store::RunningRun};
///
/// assert_eq!(RunningRun::of(&doc::running()).id, doc::running().id);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct RunningRun {
    /// Which.
    pub id: RunId,
    /// Its kind.
    pub kind: Kind,
    /// Its queue.
    pub queue: Queue,
    /// The attempt.
    pub epoch: Epoch,
    /// Since when it is claimed.
    pub since: Timestamp,
}

impl RunningRun {
    /// What others see of a run that runs.
    pub fn of(run: &Run) -> Self {
        let Run { id, kind, queue, epoch, since, .. } = run;
        Self { id: *id, kind: kind.clone(), queue: queue.clone(), epoch: *epoch, since: *since }
    }
}
