//! How many children a run has.
//!
//! ```text
//! 01 | flags u8 | total | completed | failed | cancelled | ends   (u64 each, big-endian)
//! ```
//! Flag 1: the run was cancelled, and its children have yet to be.

use longhaul_core::{ChildCounts, record::Damage};

const VERSION: u8 = 1;
const CANCELS: u8 = 1;

/// What is kept of the children of a run, apart from which they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Family {
    pub(crate) counts: ChildCounts,
    /// The run was cancelled, and not all of its children are told.
    pub(crate) cancels: bool,
}

impl Family {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let ChildCounts { total, completed, failed, cancelled, ends } = self.counts;
        let mut bytes = vec![VERSION, if self.cancels { CANCELS } else { 0 }];
        bytes.extend([total, completed, failed, cancelled, ends].into_iter().flat_map(u64::to_be_bytes));
        bytes
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Damage> {
        let read = || {
            let (&[VERSION, flags], numbers) = bytes.split_first_chunk()? else { return None };
            let (numbers, rest) = numbers.as_chunks::<8>();
            let &[total, completed, failed, cancelled, ends] = numbers else { return None };
            let [total, completed, failed, cancelled, ends] =
                [total, completed, failed, cancelled, ends].map(u64::from_be_bytes);
            let counts = ChildCounts { total, completed, failed, cancelled, ends };
            (rest.is_empty() && flags & !CANCELS == 0).then_some(Self { counts, cancels: flags & CANCELS > 0 })
        };
        read().ok_or_else(|| Damage::of("the counts of a run's children", "they are not what was written"))
    }
}
