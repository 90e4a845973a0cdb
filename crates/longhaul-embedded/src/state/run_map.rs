//! A map by run ids. The committer looks runs up thirty times for each run that is executed, and hashing an id byte by
//! byte, as maps do by default, was 5 % of all its instructions.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
};

use longhaul_core::RunId;

/// For keys that are ids, which are short and of one length.
pub(crate) type RunMap<V> = HashMap<RunId, V, SeededHash>;

/// A number that nobody outside this process knows: ids may be chosen by others, and must not meet on purpose.
#[derive(Clone, Debug)]
pub(crate) struct SeededHash(u64);

impl Default for SeededHash {
    fn default() -> Self {
        Self(RandomState::new().build_hasher().finish() | 1)
    }
}

impl BuildHasher for SeededHash {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { sum: self.0, seed: self.0 }
    }
}

/// Each eight bytes are multiplied into what came before.
pub(crate) struct Folded {
    sum: u64,
    seed: u64,
}

impl Hasher for Folded {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut eight = [0; 8];
            eight[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_ne_bytes(eight));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Half of the golden ratio, as the seed alone may have few bits.
        let factor = u128::from(self.seed ^ 0x9E37_79B9_7F4A_7C15);
        let product = u128::from(self.sum ^ number) * factor;
        self.sum = product as u64 ^ (product >> 64) as u64;
    }

    fn write_usize(&mut self, _: usize) {
        // The length, which is that of all ids.
    }

    fn finish(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_that_differ_in_one_byte_or_in_their_count_have_hashes_that_differ_where_a_map_looks() {
        let hash = SeededHash::default();
        let counted = (0..4096_u64).map(|n| {
            let mut bytes = [7; 16];
            bytes[8..].copy_from_slice(&n.to_be_bytes());
            bytes
        });
        let flipped = (0..16).flat_map(|at| {
            (1..=255).map(move |by| {
                let mut bytes = [0; 16];
                bytes[at] = by;
                bytes
            })
        });
        for (what, ids) in [("counted", counted.collect::<Vec<_>>()), ("flipped", flipped.collect())] {
            let hashes: Vec<u64> = ids.iter().map(|id| hash.hash_one(RunId::from_bytes(*id))).collect();
            let whole: HashSet<u64> = hashes.iter().copied().collect();
            assert_eq!(whole.len(), ids.len(), "{what}");
            // A map takes the low bits for the place and the seven highest to compare first.
            for (bits, shift) in [(10, 0), (7, 57)] {
                let mut full = vec![0_usize; 1 << bits];
                for hash in &hashes {
                    full[(hash >> shift) as usize & ((1 << bits) - 1)] += 1;
                }
                let even = ids.len() / full.len();
                let most = full.into_iter().max().expect("there are some");
                assert!(most < 2 * even + 24, "{what}: {most} of {} at one of {} places", ids.len(), 1 << bits);
            }
        }
    }
}
