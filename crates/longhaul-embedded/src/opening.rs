//! From a folder to a store that works.

pub(crate) mod folder;
mod look;
mod refusal;
mod steps;
pub(crate) mod thread;
mod trial;
