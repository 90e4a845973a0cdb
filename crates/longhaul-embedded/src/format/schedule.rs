//! A schedule, over as many values as it needs.
//!
//! ```text
//! revision u64, length u32, CRC-32 of revision and value, the first 4080 bytes | 4096 bytes | …        big-endian
//! ```

use std::sync::Arc;

use longhaul_core::limits::SCHEDULE_MAX;

use crate::engine::kv::VALUE_MAX;

/// Revision, length and checksum, before the first bytes of a schedule.
const HEADER: usize = 16;
/// Bytes of a schedule in its first value, and in each of the others.
const FIRST: usize = VALUE_MAX - HEADER;

/// How many values a schedule of this length takes.
pub(crate) fn chunks(length: usize) -> usize {
    debug_assert!(length <= SCHEDULE_MAX);
    1 + length.saturating_sub(FIRST).div_ceil(VALUE_MAX)
}

/// A schedule as the values of its keys.
pub(crate) fn write(revision: u64, value: &[u8]) -> Vec<Vec<u8>> {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&revision.to_be_bytes());
    hash.update(value);
    let (first, rest) = value.split_at(value.len().min(FIRST));
    let length = (value.len() as u32).to_be_bytes();
    let head = [&revision.to_be_bytes()[..], &length, &hash.finalize().to_be_bytes(), first].concat();
    std::iter::once(head).chain(rest.chunks(VALUE_MAX).map(<[u8]>::to_vec)).collect()
}

/// Reads the values of a schedule, put together.
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
    fn a_schedule_of_any_length_is_read_back_as_it_was_written() {
        for length in [0, 1, FIRST, FIRST + 1, FIRST + VALUE_MAX, FIRST + VALUE_MAX + 1, SCHEDULE_MAX] {
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
