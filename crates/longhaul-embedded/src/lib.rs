//! The store in a folder: durable, crash safe, and needs nothing but a disk.
//!
//! One thread, the committer, owns the files. Callers hand it commands through a bounded queue; it applies all that
//! came meanwhile, commits once for all of them, and answers. Below it is sled, behind a small seam.
//!
//! What must never be, for the store to be right:
//! - no code but `decide` chooses a run's next state;
//! - no thread but the committer reads or writes sled;
//! - no batch has more than 256 keys, no value more than 4 KiB;
//! - no answer comes before what it tells is as durable as promised;
//! - nothing is written after a write failed;
//! - nobody waits for an engine without a bound: the verdict is there first, then it is told;
//! - nothing is executed or written before it is known that all that was acknowledged is there.

mod committer;
mod engine;
mod error;
mod export;
mod format;
mod health;
mod opening;
mod ops;
mod options;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod verify;

pub use longhaul_core::StoreError;

pub use self::{
    engine::lock::Holder,
    error::OpenError,
    export::{Backup, CopyError},
    ops::{import::Imported, verify::Report},
    options::{Durability, Options},
    state::set_aside::SetAside,
    store::EmbeddedStore,
};
