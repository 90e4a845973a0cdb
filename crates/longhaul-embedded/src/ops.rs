//! What a store does: one operation a file. Nothing in here chooses a run's next state; `decide` does.

mod admission;
mod checkpoint;
pub(crate) mod claim;
mod copy;
pub(crate) mod ended;
mod expire_suspensions;
mod insert;
pub(crate) mod list;
pub(crate) mod log;
mod retry;
pub(crate) mod schedules;
pub(crate) mod servers;
mod settle;
mod sweep;
mod update;
pub(crate) mod verify;
