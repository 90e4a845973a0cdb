//! The unique key that a run still has though it is final, or gone.
//!
//! ```text
//! run id (16) | until (µs) i64, big-endian | nothing, or, if the run is gone, the byte of its last state
//! ```
//! Kind and key stand in the key.

use longhaul_core::{Key, Kind, Run, RunId, StateKind, Timestamp};

use super::keys::{FINAL_STATES, state_byte};

/// A key that a final run has, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UniqueKeyEntry {
    pub(crate) kind: Kind,
    pub(crate) key: Key,
    pub(crate) id: RunId,
    pub(crate) until: Timestamp,
    /// The run is gone: its retention removed it when it was in this state.
    pub(crate) removed: Option<StateKind>,
}

impl UniqueKeyEntry {
    /// The key that this run has though it is final.
    pub(crate) fn of(run: &Run) -> Option<Self> {
        let unique = run.constraints().unique.as_ref()?;
        let until = unique.until(run)?;
        Some(Self { kind: run.kind.clone(), key: unique.key.clone(), id: run.id, until, removed: None })
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let removed = self.removed.map(state_byte);
        [self.id.as_bytes(), &self.until.as_micros().to_be_bytes()[..], removed.as_slice()].concat()
    }

    pub(crate) fn from_bytes(kind: Kind, key: Key, bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let (until, removed) = rest.split_first_chunk::<8>()?;
        let removed = match removed {
            [] => None,
            [byte] => Some(FINAL_STATES.into_iter().find(|state| state_byte(*state) == *byte)?),
            _ => return None,
        };
        let until = Timestamp::from_micros(i64::from_be_bytes(*until));
        Some(Self { kind, key, id: RunId::from_bytes(*id), until, removed })
    }
}
