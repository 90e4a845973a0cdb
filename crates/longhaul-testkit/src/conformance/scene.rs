//! What a rule plays on: a store of its own, a clock, and short words for what tests do all the time.

use std::{fmt, sync::Arc, time::Duration};

use longhaul_core::{
    Clock, Ending, Inserted, NewRun, Run, RunId, ServerId, Snapshot, StateKind, Store, Timestamp,
    code::KindSupport,
    store::{
        Checkpoint, CheckpointError, Checkpointed, ClaimRequest, Claimed, CopyStore, Filter, Proceed, ServerBeat,
        SettleError, Settled, Settlement,
    },
};
use tokio::task::JoinHandle;

use super::Subject;
use crate::{
    TestClock,
    fixture::{self, support, value},
};

/// Longer than any rule moves the clock: the lease of the server that claims for the rules.
const LEASE: Duration = Duration::from_secs(1000 * 24 * 60 * 60);

/// A store under test, with a server that claims from it.
pub struct Scene {
    subject: Box<dyn Subject>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: TestClock,
    pub(super) server: ServerId,
    made: u64,
}

impl Scene {
    pub(super) async fn new(subject: Box<dyn Subject>) -> Self {
        let (store, clock) = (subject.store(), subject.clock());
        let server = fixture::server_id(clock.now(), 0);
        let mut scene = Self { subject, store, clock, server, made: 0 };
        scene.server = scene.new_server(LEASE).await;
        scene
    }

    /// The process dies, and another opens the store.
    pub(super) async fn crash(&mut self) {
        // Lets go of the store, as a process that died would.
        self.store = Arc::new(crate::MemoryStore::new(Arc::new(self.clock.clone())));
        self.subject.crash_and_reopen().await;
        self.store = self.subject.store();
        self.server = self.new_server(LEASE).await;
    }

    /// A second handle on the store, where it can have one.
    pub(super) fn another(&self) -> Option<Arc<dyn Store>> {
        self.subject.another()
    }

    /// The store as one that can be copied, if it can.
    pub(super) fn copies(&self) -> Option<Arc<dyn CopyStore>> {
        self.subject.copies()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) async fn new_server(&mut self, lease: Duration) -> ServerId {
        self.made += 1;
        let server = fixture::server_id(self.now(), self.made);
        self.store.heartbeat(beat(server, lease)).await.expect("a new server may live");
        server
    }

    /// A run of the kind `plain` with an id above those before.
    pub(super) fn new_run(&mut self) -> NewRun {
        self.new_run_of("plain")
    }

    pub(super) fn new_run_of(&mut self, kind: &str) -> NewRun {
        self.made += 1;
        fixture::new_run(self.now(), kind, self.made)
    }

    pub(super) async fn insert(&self, new: NewRun) -> RunId {
        let id = new.id;
        assert_eq!(self.store.insert(vec![new]).await, Ok(vec![Ok(Inserted::New)]));
        id
    }

    pub(super) async fn enqueue(&mut self) -> RunId {
        let new = self.new_run();
        self.insert(new).await
    }

    /// Of all kinds that the rules use, without waiting.
    pub(super) fn request(&self, max: usize) -> ClaimRequest {
        self.request_of(vec![support("plain", 1), support("other", 1)], max)
    }

    pub(super) fn request_of(&self, kinds: Vec<KindSupport>, max: usize) -> ClaimRequest {
        ClaimRequest::new(self.server, kinds.into(), max)
    }

    pub(super) async fn claim(&self, max: usize) -> Vec<Claimed> {
        self.store.claim(self.request(max)).await.expect("the store works")
    }

    pub(super) async fn claim_one(&self) -> Claimed {
        let mut claimed = self.claim(1).await;
        claimed.pop().expect("a run is due")
    }

    /// A new run, claimed. No other may be due.
    pub(super) async fn running(&mut self) -> Claimed {
        let id = self.enqueue().await;
        let claimed = self.claim_one().await;
        assert_eq!(claimed.run.id, id);
        claimed
    }

    /// A new run, suspended until a proceed.
    pub(super) async fn suspended(&mut self) -> RunId {
        let claimed = self.running().await;
        self.end(&claimed, fixture::suspended()).await;
        claimed.run.id
    }

    pub(super) async fn checkpoint(
        &self,
        claimed: &Claimed,
        seq: u32,
        n: u64,
    ) -> Result<Checkpointed, CheckpointError> {
        self.save(checkpoint(claimed, seq, n)).await
    }

    pub(super) async fn save(&self, checkpoint: Checkpoint) -> Result<Checkpointed, CheckpointError> {
        let mut answers = self.store.checkpoint(vec![checkpoint]).await.expect("the store works");
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    pub(super) async fn settle(&self, settlement: Settlement) -> Result<Settled, SettleError> {
        let mut answers = self.store.settle(vec![settlement]).await.expect("the store works");
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    /// Ends an attempt that holds its run. No claim may be waiting for it: it could be running again already.
    pub(super) async fn end(&self, claimed: &Claimed, ending: Ending) -> Snapshot {
        let settled = self.settle(settlement(claimed, ending)).await;
        let snapshot = self.get(claimed.run.id).await;
        assert_eq!(settled, Ok(Settled::Now(snapshot.run.state.kind())));
        snapshot
    }

    pub(super) async fn fail(&self, claimed: &Claimed, message: &str) -> Snapshot {
        self.end(claimed, fixture::failed(message, claimed.run.attempt(), self.now())).await
    }

    pub(super) async fn get(&self, id: RunId) -> Snapshot {
        self.store.get(id).await.expect("the run is kept")
    }

    pub(super) async fn state(&self, id: RunId) -> StateKind {
        self.get(id).await.run.state.kind()
    }

    /// A call that must not be answered yet.
    pub(super) async fn parked<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> Parked<T> {
        let parked = Parked(tokio::spawn(call));
        self.still_waits(&parked).await;
        parked
    }

    /// A claim that waits, because nothing is due.
    pub(super) async fn parked_claim(&self) -> Parked<Vec<Claimed>> {
        let (store, request) = (Arc::clone(&self.store), ClaimRequest { wait: true, ..self.request(1) });
        self.parked(async move { store.claim(request).await.expect("the store works") }).await
    }

    /// Fails if the call was answered: it would be by now, since the store has answered others that came later.
    pub(super) async fn still_waits<T>(&self, parked: &Parked<T>) {
        for _ in 0..3 {
            tokio::task::yield_now().await;
            self.store.count(Filter::default()).await.expect("the store works");
        }
        assert!(!parked.0.is_finished(), "the call was answered, though there was nothing to answer yet");
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").field("clock", &self.clock).field("server", &self.server).finish_non_exhaustive()
    }
}

/// A call that waits for its answer.
pub(super) struct Parked<T>(JoinHandle<T>);

impl<T> Parked<T> {
    pub(super) async fn answer(self) -> T {
        self.0.await.expect("the call does not panic")
    }

    /// Drops the call's future.
    pub(super) async fn drop_call(self) {
        self.0.abort();
        assert!(self.0.await.is_err_and(|error| error.is_cancelled()), "the call was answered already");
    }
}

impl Parked<Vec<Claimed>> {
    /// The id of the one run that was claimed.
    pub(super) async fn claimed_id(self) -> RunId {
        let claimed = self.answer().await;
        assert_eq!(claimed.len(), 1);
        claimed[0].run.id
    }
}

pub(super) fn beat(server: ServerId, lease: Duration) -> ServerBeat {
    ServerBeat::new(server, "rules", lease)
}

pub(super) fn checkpoint(claimed: &Claimed, seq: u32, n: u64) -> Checkpoint {
    let Run { id, epoch, .. } = claimed.run;
    Checkpoint { id, epoch, seq, execution_metadata: Some(value(n)), taken: Vec::new(), progress: None }
}

pub(super) fn settlement(claimed: &Claimed, ending: Ending) -> Settlement {
    let Run { id, epoch, .. } = claimed.run;
    Settlement { id, epoch, ending, execution_metadata: None, taken: Vec::new(), progress: None }
}

pub(super) fn proceed(id: RunId) -> Proceed {
    Proceed::new(id)
}

pub(super) fn ids(claimed: &[Claimed]) -> Vec<RunId> {
    claimed.iter().map(|one| one.run.id).collect()
}
