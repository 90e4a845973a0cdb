//! The plain model passes the suite that it is the measure of.

use std::sync::Arc;

use async_trait::async_trait;
use longhaul_core::{Store, Timestamp, store::CopyStore};
use longhaul_testkit::{MemoryStore, TestClock, conformance::Subject};

struct Memory {
    clock: TestClock,
    store: Arc<MemoryStore>,
}

#[async_trait]
impl Subject for Memory {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    fn another(&self) -> Option<Arc<dyn Store>> {
        Some(Arc::clone(&self.store) as Arc<dyn Store>)
    }

    fn copies(&self) -> Option<Arc<dyn CopyStore>> {
        Some(Arc::clone(&self.store) as Arc<dyn CopyStore>)
    }

    async fn crash_and_reopen(&mut self) {
        self.store.crash_and_reopen();
    }
}

async fn memory() -> Memory {
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    Memory { store: Arc::new(MemoryStore::new(Arc::new(clock.clone()))), clock }
}

longhaul_testkit::conformance!(memory);
