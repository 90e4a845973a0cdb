//! For your own tests: a server in memory whose clock you move, a context for unit tests, and a proof that a task can
//! be broken off anywhere. Behind the feature `testing`.
//!
//! ```
//! # use longhaul::doc::{Count, CountUp};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use longhaul::testing::interrupt_everywhere;
//!
//! let report = interrupt_everywhere(CountUp, Count { to: 3 }).await;
//! assert_eq!(report.checkpoints, 3);
//! # }
//! ```

mod interrupt;
mod server;
mod unit;

use std::sync::Arc;

use longhaul_core::{Actor, Kind, NewRun, RunId};
pub use longhaul_testkit::{MemoryStore, TestClock};

pub use interrupt::{InterruptionReport, Interruptions, interrupt_everywhere};
pub use server::TestServer;
pub use unit::{UnitAttempt, context};

use crate::SystemClock;

/// A store in memory, on the system's clock.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use longhaul::{Client, testing};
/// use std::sync::Arc;
///
/// let client = Client::new(Arc::new(testing::memory_store()));
/// assert_eq!(client.select().count().await?, 0);
/// # Ok(())
/// # }
/// ```
pub fn memory_store() -> MemoryStore {
    MemoryStore::new(Arc::new(SystemClock))
}

/// A run with nothing said about it.
fn plain_run(id: RunId, kind: Kind, metadata: longhaul_core::Envelope) -> NewRun {
    NewRun {
        id,
        kind,
        version: metadata.schema_version(),
        queue: longhaul_core::Queue::default(),
        priority: longhaul_core::Priority::default(),
        tags: [].into(),
        policy: longhaul_core::RetryPolicy::default(),
        timeout: None,
        due: None,
        constraints: None,
        metadata,
        execution_metadata: None,
        by: Actor::UNKNOWN,
    }
}
