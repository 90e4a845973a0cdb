//! A store on a simulated disk, and short words for what tests do with it.

use longhaul_core::store::prelude::*;
use std::{
    path::Path,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use longhaul_core::{
    Clock, Codec, Ending, Envelope, NewRun, RunId, ServerId, Snapshot, StoreError, Timestamp,
    clock::OnJump,
    shape,
    store::{Checkpoint, ClaimRequest, Claimed, Filter, Settlement},
};
use longhaul_testkit::{TestClock, fixture};
use tokio::task::JoinHandle;

use crate::{
    Durability, EmbeddedStore, OpenError, Options,
    engine::{
        kv::{
            Kv,
            sim::{End, SimDisk},
        },
        watchdog::{Looks, Watchdog},
    },
    opening::folder,
};

pub(super) struct Kit {
    pub(super) disk: SimDisk,
    pub(super) clock: TestClock,
    pub(super) store: EmbeddedStore,
    pub(super) server: ServerId,
    made: u64,
}

pub(super) fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(test)
}

/// A value that says `n`, and has about `size` bytes.
pub(super) fn value(n: u64, size: usize) -> Envelope {
    let bytes = vec![n as u8; size];
    Envelope::encode(&(n, bytes), Codec::Bincode, 1, shape::fingerprint_of::<(u64, Vec<u8>)>()).expect("bytes")
}

pub(super) fn number(value: &Envelope) -> u64 {
    let (n, bytes) = value.decode::<(u64, Vec<u8>)>().expect("a value from `value`");
    assert!(bytes.iter().all(|byte| *byte == n as u8), "a value is mixed of several");
    n
}

pub(super) fn open(disk: &SimDisk, clock: &TestClock) -> Result<EmbeddedStore, OpenError> {
    let options = Options::new(Arc::new(clock.clone())).durability(Durability::Power);
    over(Box::new(disk.clone()), options)
}

/// A store over an engine, opened on this thread. It is watched as any other.
pub(super) fn over(kv: Box<dyn Kv>, options: Options) -> Result<EmbeddedStore, OpenError> {
    let hung = Box::new(|failure| panic!("the opening hangs: {failure:?}"));
    let watchdog = Watchdog::start(Looks::every_second(), options.open_timeout, hung).expect("room for a thread");
    folder::over(kv, options, Path::new("simulated"), watchdog).map(EmbeddedStore::of)
}

/// A claim that is known to wait.
pub(super) async fn waiting_claim(
    store: &EmbeddedStore,
    request: ClaimRequest,
) -> JoinHandle<Result<Vec<Claimed>, StoreError>> {
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.claim(request).await }
    });
    // It is asked for at its first poll.
    tokio::task::yield_now().await;
    store.count(Filter::default()).await.expect("the claim waits, for it came before");
    waiting
}

impl Kit {
    pub(super) fn new() -> Self {
        let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
        let disk = SimDisk::default();
        let store = open(&disk, &clock).expect("an empty disk opens");
        Self { server: fixture::server_id(Timestamp::EPOCH, 0), disk, clock, store, made: 0 }
    }

    /// The process ends, and another opens what is left.
    pub(super) async fn end(&mut self, end: End, luck: f64) {
        // What the end leaves is settled before the store is closed, which syncs.
        let disk = self.disk.after(end, luck);
        self.store.close().await;
        self.disk = disk;
        self.store = open(&self.disk, &self.clock).expect("what is left opens");
        self.made += 1;
        self.server = fixture::server_id(Timestamp::EPOCH, self.made);
    }

    pub(super) fn new_run(&mut self) -> NewRun {
        self.made += 1;
        fixture::new_run(Clock::now(&self.clock), "plain", self.made)
    }

    pub(super) async fn insert(&mut self, metadata: Envelope) -> RunId {
        let new = NewRun { metadata, ..self.new_run() };
        let id = new.id;
        assert_eq!(self.store.insert(vec![new]).await, Ok(vec![Ok(longhaul_core::Inserted::New)]));
        id
    }

    pub(super) fn request(&self, max: usize, wait: bool) -> ClaimRequest {
        ClaimRequest { wait, ..ClaimRequest::new(self.server, [fixture::support("plain", 1)].into(), max) }
    }

    /// A claim that is known to wait.
    pub(super) async fn waiting_claim(&self, max: usize) -> JoinHandle<Result<Vec<Claimed>, StoreError>> {
        waiting_claim(&self.store, self.request(max, true)).await
    }

    pub(super) async fn claim(&self, max: usize) -> Vec<Claimed> {
        self.store.claim(self.request(max, false)).await.expect("the store works")
    }

    pub(super) async fn save(&self, claimed: &Claimed, seq: u32, value: Envelope) {
        let checkpoint = checkpoint(claimed, seq, value);
        assert!(matches!(self.store.checkpoint(vec![checkpoint]).await.as_deref(), Ok([Ok(_)])));
    }

    pub(super) async fn settle(&self, claimed: &Claimed, ending: Ending) {
        assert!(matches!(self.store.settle(vec![settlement(claimed, ending)]).await.as_deref(), Ok([Ok(_)])));
    }

    pub(super) async fn get(&self, id: RunId) -> Snapshot {
        self.store.get(id).await.expect("the run is kept")
    }

    pub(super) async fn assert_sound(&self) {
        assert_eq!(self.store.verify().await.expect("the store works").problems, [""; 0]);
    }
}

pub(super) fn checkpoint(claimed: &Claimed, seq: u32, value: Envelope) -> Checkpoint {
    let (id, epoch) = (claimed.run.id, claimed.run.epoch);
    Checkpoint { id, epoch, seq, execution_metadata: Some(value), taken: Vec::new(), progress: None }
}

pub(super) fn settlement(claimed: &Claimed, ending: Ending) -> Settlement {
    Settlement {
        id: claimed.run.id,
        epoch: claimed.run.epoch,
        ending,
        execution_metadata: None,
        taken: Vec::new(),
        progress: None,
    }
}

/// Time passes only for who waits for it, and then at once.
#[derive(Debug)]
pub(super) struct LeapingClock(Mutex<Timestamp>);

impl LeapingClock {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Timestamp::from_micros(1_800_000_000_000_000)))
    }
}

impl Clock for LeapingClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("nobody panics with it")
    }

    fn monotonic(&self) -> Duration {
        self.now().since(Timestamp::EPOCH)
    }

    fn wait_for(&self, at: Timestamp) -> Option<Duration> {
        let mut now = self.0.lock().expect("nobody panics with it");
        *now = at.max(*now);
        Some(Duration::ZERO)
    }

    fn on_jump(&self, _: Weak<OnJump>) {}
}
