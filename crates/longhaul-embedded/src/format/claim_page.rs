//! A page of claims in the file: who has which runs.
//!
//! ```text
//! 02 | run id, epoch u32, claimed at (µs) i64, server id, begun u8 | …        big-endian
//! ```
//! `begun` is 1 if the execution has begun, or is about to. A page of version 1 has no such byte: all have begun.

use longhaul_core::{Epoch, RunId, ServerId, Timestamp, record::Damage};

const VERSION: u8 = 2;
const ENTRY: usize = 45;
/// Without `begun`.
const ENTRY_V1: usize = 44;

/// A claim as it is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimEntry {
    pub(crate) id: RunId,
    pub(crate) epoch: Epoch,
    pub(crate) claimed: Timestamp,
    pub(crate) server: ServerId,
    pub(crate) begun: bool,
}

/// The bytes of a page with these claims.
pub(crate) fn write(claims: &[ClaimEntry]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    for claim in claims {
        bytes.extend_from_slice(claim.id.as_bytes());
        bytes.extend_from_slice(&claim.epoch.0.to_be_bytes());
        bytes.extend_from_slice(&claim.claimed.as_micros().to_be_bytes());
        bytes.extend_from_slice(claim.server.as_bytes());
        bytes.push(claim.begun.into());
    }
    bytes
}

/// The claims of a page in the file.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<ClaimEntry>, Damage> {
    let damaged = || Damage::of("a page of claims", "it is cut short, or no such page");
    let (size, rest) = match bytes.split_first().ok_or_else(damaged)? {
        (&VERSION, rest) => (ENTRY, rest),
        (1, rest) => (ENTRY_V1, rest),
        _ => return Err(damaged()),
    };
    if rest.len() % size != 0 {
        return Err(damaged());
    }
    let entry = |bytes: &[u8]| {
        let (id, rest) = bytes.split_first_chunk::<16>()?;
        let (epoch, rest) = rest.split_first_chunk::<4>()?;
        let (claimed, rest) = rest.split_first_chunk::<8>()?;
        let (server, begun) = rest.split_first_chunk::<16>()?;
        Some(ClaimEntry {
            id: RunId::from_bytes(*id),
            epoch: Epoch(u32::from_be_bytes(*epoch)),
            claimed: Timestamp::from_micros(i64::from_be_bytes(*claimed)),
            server: ServerId::from_bytes(*server),
            begun: match begun {
                [] | [1] => true,
                [0] => false,
                _ => return None,
            },
        })
    };
    rest.chunks_exact(size).map(|bytes| entry(bytes).ok_or_else(damaged)).collect()
}
