//! What the store does, an operation a file.

pub(crate) mod admission;
pub(crate) mod checkpoint;
pub(crate) mod claim;
pub(crate) mod controls;
pub(crate) mod ended;
pub(crate) mod enqueued;
pub(crate) mod expire_suspensions;
pub(crate) mod insert;
pub(crate) mod kinds;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod retry;
pub(crate) mod schedules;
pub(crate) mod servers;
pub(crate) mod settle;
pub(crate) mod statistics;
pub(crate) mod sweep;
pub(crate) mod update;
