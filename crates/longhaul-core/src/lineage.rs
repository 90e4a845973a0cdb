//! Runs that were retried by hand: which run came after which.
//!
//! A final run stays as it is. A retry by hand makes a new run, its successor, and a run has at most one: the link is
//! written to the old run in the transaction that inserts the new one. So a retry can be repeated, and whoever looks at
//! one of the two finds the other.

mod succession;

pub use self::succession::{Succession, succeed};
use crate::{id::RunId, time::Timestamp};

/// Which runs a run is a retry of, and was retried as.
///
/// ```
/// use longhaul_core::{Lineage, doc};
///
/// assert_eq!(doc::run().lineage, Lineage::default()); // most runs have neither
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Lineage {
    /// The run that this one is a retry of.
    pub predecessor: Option<RunId>,
    /// The run that this one was retried as. Never replaced by another; that run may have been removed since.
    pub successor: Option<RunId>,
    /// When it was retried.
    pub retried: Option<Timestamp>,
}

impl Lineage {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
