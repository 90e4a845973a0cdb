//! A schedule or the description of a kind, over as many values of the engine as it needs. A description has revision 0.
//!
//! ```text
//! revision u64, length u32, CRC-32 of revision and value, the first 4080 bytes | 4096 bytes | …        big-endian
//! ```

use std::sync::Arc;

use longhaul_core::limits::{KIND_SCHEMA_MAX, SCHEDULE_MAX};

use crate::engine::kv::VALUE_MAX;

/// Revision, length and checksum, before the first bytes.
const HEADER: usize = 16;
/// Bytes in the first value; each of the others has [`VALUE_MAX`].
const FIRST: usize = VALUE_MAX - HEADER;
/// The longest: the description of a kind, with what it has besides its schema. 17 values, of which several fit into a
/// batch.
const LENGTH_MAX: usize = KIND_SCHEMA_MAX + 1024;
const _: () = assert!(SCHEDULE_MAX <= LENGTH_MAX);

/// How many values this many bytes take.
pub(crate) fn chunks(length: usize) -> usize {
    debug_assert!(length <= LENGTH_MAX);
    1 + length.saturating_sub(FIRST).div_ceil(VALUE_MAX)
}

/// The values of the keys, in order.
pub(crate) fn write(revision: u64, value: &[u8]) -> Vec<Vec<u8>> {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&revision.to_be_bytes());
    hash.update(value);
    let (first, rest) = value.split_at(value.len().min(FIRST));
    let length = (value.len() as u32).to_be_bytes();
    let head = [&revision.to_be_bytes()[..], &length, &hash.finalize().to_be_bytes(), first].concat();
    std::iter::once(head).chain(rest.chunks(VALUE_MAX).map(<[u8]>::to_vec)).collect()
}

/// Reads the values, put together: revision and bytes.
pub(crate) fn read(bytes: &[u8]) -> Option<(u64, Arc<[u8]>)> {
    let (revision, rest) = bytes.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (checksum, value) = rest.split_first_chunk::<4>()?;
    let mut hash = crc32fast::Hasher::new();
    hash.update(revision);
    hash.update(value);
    let holds = value.len() as u32 == u32::from_be_bytes(*length) && hash.finalize().to_be_bytes() == *checksum;
    holds.then(|| (u64::from_be_bytes(*revision), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_length_are_read_back_as_they_were_written() {
        for length in [0, 1, FIRST, FIRST + 1, FIRST + VALUE_MAX, FIRST + VALUE_MAX + 1, LENGTH_MAX] {
            let value: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let laid = write(7, &value);
            assert_eq!(laid.len(), chunks(length));
            assert!(laid.iter().all(|bytes| bytes.len() <= VALUE_MAX));
            assert_eq!(read(&laid.concat()), Some((7, value.into())));
        }
        let mut laid = write(7, b"nightly").concat();
        assert_eq!(read(&laid[..laid.len() - 1]), None);
        laid[18] ^= 1;
        assert_eq!(read(&laid), None);
    }
}
