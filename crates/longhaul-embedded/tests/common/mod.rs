//! A store in a folder that goes with the test.

use std::sync::Arc;

use async_trait::async_trait;
use longhaul_core::{Store, Timestamp, store::CopyStore};
use longhaul_embedded::{Durability, EmbeddedStore, Options};
use longhaul_testkit::{TestClock, conformance::Subject};
use tempfile::TempDir;

/// A store, its folder and its clock.
pub(crate) struct Embedded {
    pub store: EmbeddedStore,
    pub clock: TestClock,
    pub folder: TempDir,
}

impl Embedded {
    /// Opens the folder again.
    pub(crate) async fn reopen(&mut self) {
        self.store.close().await;
        self.store = open(&self.folder, &self.clock);
    }
}

#[async_trait]
impl Subject for Embedded {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    fn clock(&self) -> TestClock {
        self.clock.clone()
    }

    fn copies(&self) -> Option<Arc<dyn CopyStore>> {
        Some(Arc::new(self.store.clone()))
    }

    /// Closing writes nothing that was not written before: claims stay as they are.
    async fn crash_and_reopen(&mut self) {
        self.reopen().await;
    }
}

/// A new store in a new folder. What only a power cut would undo need not be waited for.
pub(crate) async fn embedded() -> Embedded {
    let clock = TestClock::starting_at(Timestamp::from_micros(1_800_000_000_000_000));
    let folder = tempfile::tempdir().expect("a folder for the test");
    Embedded { store: open(&folder, &clock), clock, folder }
}

fn open(folder: &TempDir, clock: &TestClock) -> EmbeddedStore {
    let options = Options::new(Arc::new(clock.clone())).durability(Durability::Process);
    EmbeddedStore::open(folder.path(), options).expect("a store opens")
}
