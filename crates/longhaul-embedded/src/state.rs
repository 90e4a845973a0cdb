//! What is known in memory of what is in the file, and how a change is staged.

pub(crate) mod batch;
pub(crate) mod claim_pages;
pub(crate) mod damaged;
pub(crate) mod index;
pub(crate) mod load;
pub(crate) mod record;
pub(crate) mod recover;
mod stage;
