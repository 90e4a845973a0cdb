//! An engine that fails at a call of a test's choice.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Each, Key, Kv, KvError, Value, Writes};

/// What happens at the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Panics,
    /// It comes back when the test lets it, and has taken effect.
    Hangs,
    /// The disk is full.
    Full,
}

/// Held by the test: one engine, and what befalls it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    plan: Mutex<Plan>,
    released: Condvar,
    /// Whether a call hangs, and whether the engine was dropped.
    hangs: watch::Sender<bool>,
    dropped: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Plan {
    calls: usize,
    fails: Option<(usize, Failure)>,
    /// The call that failed read.
    failed_reading: Option<bool>,
    released: bool,
    hangs_at_its_end: bool,
}

impl Faults {
    /// The call after `spared` more fails so.
    pub(crate) fn arm(&self, spared: usize, failure: Failure) {
        let mut plan = self.plan();
        plan.fails = Some((plan.calls + spared, failure));
    }

    /// Its end hangs.
    pub(crate) fn hang_at_the_end(&self) {
        self.plan().hangs_at_its_end = true;
    }

    /// Whether the failure came, and if so, whether at a call that reads.
    pub(crate) fn failed_reading(&self) -> Option<bool> {
        self.plan().failed_reading
    }

    /// Lets what hangs come back.
    pub(crate) fn release(&self) {
        self.plan().released = true;
        self.0.released.notify_all();
    }

    pub(crate) async fn until_hanging(&self) {
        self.0.hangs.subscribe().wait_for(|hangs| *hangs).await.expect("its sender is held here");
    }

    pub(crate) async fn until_dropped(&self) {
        self.0.dropped.subscribe().wait_for(|dropped| *dropped).await.expect("its sender is held here");
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hang(&self) {
        self.0.hangs.send_replace(true);
        let waits = self.0.released.wait_while(self.plan(), |plan| !plan.released);
        drop(waits.unwrap_or_else(PoisonError::into_inner));
        self.0.hangs.send_replace(false);
    }

    fn call(&self, reads: bool) -> Result<(), KvError> {
        let mut plan = self.plan();
        plan.calls += 1;
        let calls = plan.calls;
        let Some((at, failure)) = plan.fails.filter(|(at, _)| calls > *at) else { return Ok(()) };
        // A disk that is full stays so, and can be read. The others are never called again, or this test fails.
        let first = plan.failed_reading.is_none();
        assert!(first || failure == Failure::Full, "an engine that {failure:?} at call {at} was called again");
        if !first && reads {
            return Ok(());
        }
        plan.failed_reading.get_or_insert(reads);
        drop(plan);
        match failure {
            Failure::Panics => panic!("a page is zero"),
            Failure::Full => Err(KvError::Full("no space left".into())),
            Failure::Hangs => {
                self.hang();
                Ok(())
            }
        }
    }
}

pub(crate) struct Faulty<K> {
    engine: K,
    faults: Faults,
}

impl<K: Kv> Faulty<K> {
    pub(crate) fn new(engine: K, faults: &Faults) -> Self {
        Self { engine, faults: faults.clone() }
    }
}

impl<K> Drop for Faulty<K> {
    fn drop(&mut self) {
        if self.faults.plan().hangs_at_its_end {
            self.faults.hang();
        }
        self.faults.0.dropped.send_replace(true);
    }
}

impl<K: Kv> Kv for Faulty<K> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.faults.call(true)?;
        self.engine.get(key)
    }

    fn scan(&self, prefix: &[u8], from: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        self.faults.call(true)?;
        self.engine.scan(prefix, from, each)
    }

    fn scan_back(&self, prefix: &[u8], before: &[u8], each: &mut Each<'_>) -> Result<(), KvError> {
        self.faults.call(true)?;
        self.engine.scan_back(prefix, before, each)
    }

    fn apply(&mut self, writes: Writes) -> Result<(), KvError> {
        self.faults.call(false)?;
        self.engine.apply(writes)
    }

    fn apply_in_turn(&mut self, writes: Vec<(Key, Value)>) -> Result<(), KvError> {
        self.faults.call(false)?;
        self.engine.apply_in_turn(writes)
    }

    fn flush(&mut self) -> Result<(), KvError> {
        self.faults.call(false)?;
        self.engine.flush()
    }

    fn sync(&mut self) -> Result<(), KvError> {
        self.faults.call(false)?;
        self.engine.sync()
    }

    fn attest(&mut self) -> Result<(), KvError> {
        self.faults.call(false)?;
        self.engine.attest()
    }
}
