//! The store in a folder: durable, crash safe, and needs nothing but a disk.
//!
//! One thread, the committer, owns the files. Callers hand it commands through a bounded queue. It applies all commands
//! that came in the meantime, commits once for all of them, and answers. Below it is sled, behind a small seam.
//! `docs/architecture.md` draws the rooms.
//!
//! The store is right as long as:
//! - no code but `decide` chooses a run's next state;
//! - no thread but the committer reads or writes sled;
//! - no batch has more than 256 keys, no value more than 4 KiB;
//! - no answer comes before what it says is as durable as promised;
//! - nothing is written after a write failed;
//! - every wait for the engine has a bound, and the verdict is there before anyone gets it;
//! - nothing is executed or written before it is known that everything acknowledged is there.

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
    ops::{import::Imported, verify::VerifyReport},
    options::{Durability, Options},
    state::set_aside::SetAside,
    store::EmbeddedStore,
};
