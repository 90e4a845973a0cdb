//! The recent starts that a rate limit counts. Frozen.
//!
//! ```text
//! 02 | idle at (µs) i64 | started at (µs) i64, how many u32 | …        big-endian
//! ```
//! Version 1 has no version byte: eight bytes, the time at which a token bucket is full again.

use crate::{admission::rate::Starts, time::Timestamp};

const VERSION: u8 = 2;

/// Encodes the recent starts of a rate limit.
///
/// ```
/// use longhaul_core::{control::Starts, doc, record::{read_bucket, write_bucket}};
///
/// let starts = Starts::new(vec![(doc::NOW, 3)], doc::NOW);
/// assert_eq!(read_bucket(&write_bucket(&starts), doc::NOW), Some(starts));
/// ```
pub fn write_bucket(starts: &Starts) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend_from_slice(&starts.idle_at().as_micros().to_be_bytes());
    for (at, count) in starts.slices() {
        bytes.extend_from_slice(&at.as_micros().to_be_bytes());
        bytes.extend_from_slice(&count.to_be_bytes());
    }
    bytes
}

/// Reads the recent starts of a rate limit; `None` if the bytes are no such value. A value of version 1 says only when its
/// bucket is full again; what it stands for depends on `now`.
///
/// ```
/// use longhaul_core::{doc, record::read_bucket};
///
/// assert_eq!(read_bucket(b"", doc::NOW), None);
/// ```
pub fn read_bucket(bytes: &[u8], now: Timestamp) -> Option<Starts> {
    if let Ok(full_at) = <[u8; 8]>::try_from(bytes) {
        return Some(Starts::of_token_bucket(Timestamp::from_micros(i64::from_be_bytes(full_at)), now));
    }
    let (idle_at, rest) = bytes.strip_prefix(&[VERSION])?.split_first_chunk::<8>()?;
    let slice = |bytes: &[u8]| {
        let (at, count) = bytes.split_first_chunk::<8>()?;
        Some((Timestamp::from_micros(i64::from_be_bytes(*at)), u32::from_be_bytes(count.try_into().ok()?)))
    };
    let slices = rest.chunks(12).map(slice).collect::<Option<_>>()?;
    Some(Starts::new(slices, Timestamp::from_micros(i64::from_be_bytes(*idle_at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    #[test]
    fn what_has_started_is_read_back_and_a_cut_is_noticed() {
        let starts = Starts::new(vec![(NOW, 3), (Timestamp::from_micros(-7), 1)], NOW);
        let bytes = write_bucket(&starts);
        assert_eq!(read_bucket(&bytes, NOW), Some(starts));
        let whole: Vec<usize> = (0..=bytes.len()).filter(|end| read_bucket(&bytes[..*end], NOW).is_some()).collect();
        // Eight bytes are a time of version 1.
        assert_eq!(whole, [8, 9, 21, 33]);
    }

    #[test]
    fn a_token_bucket_of_version_1_is_read_as_if_all_had_just_started() {
        let full_at = Timestamp::from_micros(NOW.as_micros() + 5);
        assert_eq!(read_bucket(&full_at.as_micros().to_be_bytes(), NOW), Some(Starts::of_token_bucket(full_at, NOW)));
    }
}
