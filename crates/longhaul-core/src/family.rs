//! Runs of runs: a run's children, and runs that wait until others are final.
//!
//! A child is a run that names its parent. Its id follows from the parent's id and the name that the parent gave it, so
//! a parent that enqueues it again, after a crash or in another attempt, meets the child that is there.
//!
//! A run that waits for others is suspended, and its record says for which ([`Awaits`]). A store looks at it when one of
//! them ended, and when it has just begun to wait: so it misses no end. [`decide`](crate::decide()) says what follows.

mod awaits;
mod batch;
mod counts;
mod parent;
mod rules;

pub(crate) use self::awaits::Struck;
pub use self::{
    awaits::{After, AwaitedEnd, AwaitedRuns, Awaits},
    batch::{Batch, CallbackWhen},
    counts::ChildCounts,
    parent::{ChildRefused, OnCancel, Parent},
    rules::{admit_child, cancel_children, is_told, runs_ended},
};
