//! The harness of longhaul's benchmark: what is measured and how, without anybody who is measured.
//!
//! A [`Contender`] is a floor (raw disk, raw sled) or a task queue. Queues implement [`Queue`] and get every
//! [`Scenario`] from it, so that all of them do the same work, driven by the same lines; floors measure themselves.
//!
//! Each measurement is a process of its own ([`answer`] is its whole `main`): nobody inherits another's threads,
//! caches or locks, memory and CPU time are those of one contender, and one that hangs can be ended.

pub mod child;
pub mod contender;
pub mod machine;
pub mod payload;
pub mod probe;
pub mod queue;
pub mod rate;
pub mod scenario;
pub mod stats;

pub use child::{answer, main};
pub use contender::{Card, Contender, Measured, Order};
pub use payload::{Payload, record};
pub use probe::Probe;
pub use queue::{Measure, Queue};
pub use rate::Pace;
pub use scenario::{Scenario, Unit};
