//! The same bytes for everybody.

use serde::{Deserialize, Serialize};

use crate::scenario::CHECKPOINT_BYTES;

/// What a run is asked to do: about 100 bytes, whichever codec the contender likes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// Counts up from 0.
    pub seq: u64,
    /// 80 characters that differ from run to run.
    pub text: String,
}

impl Payload {
    /// The payload of the `seq`-th run.
    pub fn new(seq: u64) -> Self {
        Self { seq, text: noise(seq, 80).into_iter().map(|byte| char::from(b'a' + byte % 26)).collect() }
    }
}

/// Execution metadata for the `n`-th checkpoint.
pub fn checkpoint(n: u64) -> Vec<u8> {
    noise(n, CHECKPOINT_BYTES)
}

/// What a store of runs might write for the `n`-th: a key of 17 bytes that grows with time, and 300 bytes, half of
/// them noise.
pub fn record(prefix: u8, n: u64) -> ([u8; 17], Vec<u8>) {
    let mut key = [prefix; 17];
    key[1..9].copy_from_slice(&n.to_be_bytes());
    key[9..].copy_from_slice(&noise(n, 8));
    let mut value = noise(n, 150);
    value.resize(300, b' ');
    (key, value)
}

/// `len` bytes that depend on `seed`, by xorshift: cheap beside any store.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes.extend_from_slice(&x.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_about_a_hundred_bytes() {
        let bytes = serde_json::to_vec(&Payload::new(123_456)).expect("plain data");
        assert!((90..=110).contains(&bytes.len()), "{} bytes", bytes.len());
    }

    #[test]
    fn records_come_in_the_order_of_their_number() {
        let keys: Vec<_> = (0..1_000).map(|n| record(b'w', n).0).collect();
        assert!(keys.is_sorted());
    }
}
