//! What the operations of a store stand on: its connections, its clock, and what it knows without asking.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use longhaul_core::{Clock, StoreError, Timestamp, admission::Admission, clock::OnJump, store::EndedCursor};
use tokio::task::JoinHandle;

use crate::{
    bell::Bell,
    claim_turn::ClaimTurn,
    clock::{Asked, DatabaseClock},
    error::Fault,
    held::HeldRuns,
    lanes::Lanes,
    options::Options,
    session::{Db, Session},
    told::Told,
    wake::Wake,
};

pub(crate) struct Inner {
    pub(crate) db: Db,
    pub(crate) lanes: Lanes,
    pub(crate) wake: Arc<Wake>,
    pub(crate) held: HeldRuns,
    pub(crate) bell: Arc<Bell>,
    /// How often the poller has asked, for tests.
    pub(crate) polls: AtomicU64,
    pub(crate) told: Mutex<Told>,
    pub(crate) turn: tokio::sync::Mutex<ClaimTurn>,
    /// Claims on their way back.
    pub(crate) returns: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) clock: Arc<dyn Clock>,
    /// `None`: the clock was given, and leases go by it too.
    pub(crate) database_clock: Option<Arc<DatabaseClock>>,
    /// Before all that has ended since this handle was connected.
    pub(crate) ends_opened: EndedCursor,
    pub(crate) closed: AtomicBool,
    /// Claims that failed and may have been committed, and after how many of them it was looked for their runs.
    /// Runs that wait for others have to be looked at.
    pub(crate) waits_have_news: AtomicBool,
    pub(crate) looking: tokio::sync::Mutex<()>,
    pub(crate) failed_claims: AtomicU64,
    pub(crate) looked_after: AtomicU64,
    /// When it looked last for runs that SQL has enqueued, by the monotonic clock.
    pub(crate) enqueued: Mutex<Option<Duration>>,
    pub(crate) options: Options,
    /// The clock keeps no more than a `Weak` of it.
    pub(crate) _on_jump: Arc<OnJump>,
}

impl Inner {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What leases go by: `None` is the database's own clock, as it is when the statement is executed.
    pub(crate) fn lease_time(&self) -> Option<i64> {
        self.database_clock.is_none().then(|| self.now().as_micros())
    }

    pub(crate) fn set_clock(&self, asked: Asked, now: Timestamp) {
        if let Some(clock) = &self.database_clock {
            clock.set(asked, now);
        }
    }

    pub(crate) fn ensure_open(&self) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) { Err(StoreError::Closed) } else { Ok(()) }
    }

    pub(crate) async fn session(&self) -> Result<Session, StoreError> {
        self.db.session().await.map_err(Fault::into_store)
    }

    /// What this handle knows of admission.
    pub(crate) async fn admission(&self) -> Admission {
        self.turn.lock().await.admission.clone()
    }
}
