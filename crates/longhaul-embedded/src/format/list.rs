//! Lists of final runs, in the order in which they ended.
//!
//! ```text
//! 01 | id (16) | …
//! 02 | position of their ends u64, big-endian | id (16) | …
//! ```

use longhaul_core::{RunId, record::Damage};

/// So many runs fit into one value of the engine.
pub(crate) const LIST_MAX: usize = 250;
/// The format of a list of runs that ended together.
const LIST_VERSION: u8 = 1;
/// The version of a list that begins with the position of their ends.
const POSITIONED_LIST_VERSION: u8 = 2;

/// A list of runs that ended together.
#[derive(Debug)]
pub(crate) struct List {
    /// Of their ends. `None`: it stands in the key, or the list was written before ends had positions.
    pub(crate) position: Option<u64>,
    pub(crate) ids: Vec<RunId>,
}

impl List {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = match self.position {
            None => vec![LIST_VERSION],
            Some(position) => [&[POSITIONED_LIST_VERSION], &position.to_be_bytes()[..]].concat(),
        };
        bytes.extend(self.ids.iter().flat_map(RunId::as_bytes));
        bytes
    }
}

/// Reads a list of runs that ended together.
pub(crate) fn read_list(bytes: &[u8]) -> Result<List, Damage> {
    let read = || {
        let (position, ids) = match bytes.split_first()? {
            (&LIST_VERSION, ids) => (None, ids),
            (&POSITIONED_LIST_VERSION, rest) => {
                let (position, ids) = rest.split_first_chunk()?;
                (Some(u64::from_be_bytes(*position)), ids)
            }
            _ => return None,
        };
        let ids = (ids.len() % 16 == 0).then(|| ids.chunks_exact(16))?;
        let ids = ids.map(|id| RunId::from_bytes(id.try_into().expect("16 bytes"))).collect();
        Some(List { position, ids })
    };
    read().ok_or_else(|| Damage::of("a list of final runs", "it is cut short, or no such list"))
}
