//! The files: sled behind a small seam, and what keeps it honest.

pub(crate) mod kv;
pub(crate) mod lock;
pub(crate) mod seal;
pub(crate) mod watchdog;
pub(crate) mod witness;
