//! What keys added to the digests when they were written, so that they need not be read when they are written again.

use std::{collections::HashMap, mem};

use super::digest::Digests;
use crate::engine::kv::Key;

/// More keys than a store writes again and again: the records of runs that execute, and pages of claims.
const KEYS_MAX: usize = 4096;

/// Sums of keys that are likely to be written again.
#[derive(Default)]
pub(super) struct KnownSums {
    by_key: HashMap<Key, u64>,
    /// Those that were put before `by_key` began: they are forgotten when it is full.
    older: HashMap<Key, u64>,
}

impl KnownSums {
    /// The key has added so much. Only what is live is written again.
    pub(super) fn put(&mut self, key: &[u8], sum: u64) {
        if !Digests::has_live(key) {
            return;
        }
        if self.by_key.len() >= KEYS_MAX {
            self.older = mem::take(&mut self.by_key);
        }
        self.by_key.insert(key.to_vec(), sum);
    }

    /// What the key has added, if that is known.
    pub(super) fn take(&mut self, key: &[u8]) -> Option<u64> {
        let older = self.older.remove(key);
        self.by_key.remove(key).or(older)
    }
}

#[cfg(test)]
mod tests {
    use longhaul_core::RunId;

    use super::*;
    use crate::format::keys;

    #[test]
    fn the_latest_sums_of_live_keys_are_known_and_older_ones_are_forgotten() {
        let (mut known, done) = (KnownSums::default(), keys::done(RunId::from_bytes([1; 16])));
        known.put(&keys::page(0), 7);
        known.put(&done, 8);
        assert_eq!((known.take(&done), known.take(&keys::page(0))), (None, Some(7)));
        assert_eq!(known.take(&keys::page(0)), None, "it is put again by who writes it");
        for page in 0..=2 * KEYS_MAX as u64 {
            known.put(&keys::page(page), page);
        }
        let latest = KEYS_MAX as u64;
        assert_eq!((known.take(&keys::page(latest)), known.take(&keys::page(0))), (Some(latest), None));
        known.put(&keys::page(latest + 1), 9);
        assert_eq!(known.take(&keys::page(latest + 1)), Some(9), "the newer of two");
        assert_eq!(known.take(&keys::page(latest + 1)), None);
    }
}
