//! What tests of longhaul stand on. Stores are tested with it, and so is everything that uses a store.
//!
//! - [`MemoryStore`]: the plain model of a store. Simple code over ordered maps, so that it can be seen to be right.
//! - [`TestClock`]: a clock that moves when a test says so.
//! - [`FaultyStore`]: any store, with calls that fail before or after they took effect, or never answer.
//! - [`mod@conformance`]: the rules that every store must keep, as tests. One line runs them all.
//! - [`model`]: random operations, crashes and moves of the clock, checked against the memory store.

pub mod clock;
pub mod conformance;
pub mod faulty;
pub mod fixture;
pub mod memory;
pub mod model;

pub use clock::TestClock;
pub use faulty::{Call, FaultPoint, FaultyStore, Made};
pub use memory::MemoryStore;
