//! The values of a run that may stand apart from its record.

use serde::{Deserialize, Serialize};

use super::blob::Blob;

/// One of the values of a run that can stand apart from its record.
///
/// ```
/// use longhaul_core::record::Part;
///
/// assert_eq!(Part::from_number(Part::History.number()), Some(Part::History));
/// assert_eq!(Part::ALL.len(), Part::COUNT);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The metadata, as its envelope.
    Metadata,
    /// The execution metadata that the run was enqueued with, as its envelope.
    Initial,
    /// The execution metadata, as its envelope.
    ExecutionMetadata,
    /// How the run ended.
    Ended,
    /// The history.
    History,
    /// The tags.
    Tags,
    /// What was sent to the run and is not yet received.
    Inbox,
}

impl Part {
    /// How many parts there are.
    pub const COUNT: usize = 7;
    /// How many parts have a place in format 1. A section says where the later ones are.
    pub(super) const IN_FORMAT_1: usize = 6;
    /// All parts, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Metadata, Self::Initial, Self::ExecutionMetadata, Self::Ended, Self::History, Self::Tags, Self::Inbox];

    /// A number that never changes, for keys.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The part with this number; `None` if this code knows none.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// What a record says of a value that stands apart from it. The store finds the bytes by the run and the [`Part`]. Frozen.
///
/// A store that must not overwrite a value in place keeps two generations: the new value is written beside the old one,
/// and the record, which is written last, says which one is valid. A store with transactions leaves both numbers at 0.
///
/// ```
/// use longhaul_core::record::Apart;
///
/// let apart = Apart::of(b"a value");
/// assert!(apart.matches(b"a value") && !apart.matches(b"a valuf"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct Apart {
    /// The generation that is valid.
    pub generation: u8,
    /// The length of the value in bytes.
    pub length: u32,
    /// The CRC-32 of the value.
    pub checksum: u32,
    /// How much of the other generation may still be there; its unit is the store's.
    pub others: u32,
}

impl Apart {
    /// A value that has one generation.
    pub fn of(value: &[u8]) -> Self {
        Self { generation: 0, length: value.len() as u32, checksum: crc32fast::hash(value), others: 0 }
    }

    /// Whether these are the bytes that were written.
    pub fn matches(&self, value: &[u8]) -> bool {
        value.len() == self.length as usize && crc32fast::hash(value) == self.checksum
    }
}

/// Where a value is. Frozen.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum PartV1<'a> {
    Absent,
    #[serde(borrow)]
    Inline(Blob<'a>),
    /// Execution metadata that is what the run was enqueued with.
    AsInitial,
    Pieces(Apart),
}
