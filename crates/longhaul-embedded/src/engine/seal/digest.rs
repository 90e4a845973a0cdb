//! What all keys and values of a store add up to.

use std::ops::{Bound, ControlFlow, RangeBounds};

use crate::{
    engine::kv::{Key, Kv, KvError},
    format::keys,
};

/// Keys that begin with less are hidden.
pub(super) const FIRST_KEY: &[u8] = &[1];

/// Keys that an opening does not read: final runs and their lists, pieces, logs, and what was set aside.
const REST: [u8; 6] = [keys::FINAL, keys::ENDED, keys::ENDED_OF_ALL_KINDS, keys::LOG, keys::CHUNK, keys::ASIDE];

/// Sums over keys and values, in no order, so that a change costs what it changes. A key that is missing, or has
/// another value than when it was added, leaves another sum, but for one case in 2³².
///
/// There are two of them because an opening reads only what is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) live: u64,
    pub(crate) rest: u64,
}

impl Digests {
    /// Adds a key; answers what it adds.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) -> u64 {
        let added = hash(key, value);
        let sum = self.sum_of(key);
        *sum = sum.wrapping_add(added);
        added
    }

    /// Removes a key that has added so much.
    pub(super) fn subtract(&mut self, key: &[u8], added: u64) {
        let sum = self.sum_of(key);
        *sum = sum.wrapping_sub(added);
    }

    fn sum_of(&mut self, key: &[u8]) -> &mut u64 {
        if Self::has_live(key) { &mut self.live } else { &mut self.rest }
    }

    /// Whether an opening reads this key.
    pub(super) fn has_live(key: &[u8]) -> bool {
        !key.first().is_some_and(|first| REST.contains(first))
    }

    /// Reads everything; each key is a `beat`.
    pub(crate) fn of_all(kv: &dyn Kv, beat: &dyn Fn()) -> Result<Self, KvError> {
        let mut digests = Self::default();
        let mut add = |key: &[u8], value: &[u8]| {
            beat();
            digests.add(key, value);
        };
        scan_range(kv, FIRST_KEY.to_vec().., &mut add)?;
        Ok(digests)
    }

    /// Reads what an opening reads.
    pub(crate) fn live_of(kv: &dyn Kv, beat: &dyn Fn()) -> Result<u64, KvError> {
        let mut digests = Self::default();
        let mut add = |key: &[u8], value: &[u8]| {
            beat();
            digests.add(key, value);
        };
        let mut rest = REST;
        rest.sort_unstable();
        let mut from = FIRST_KEY.to_vec();
        for skipped in rest {
            scan_range(kv, from..vec![skipped], &mut add)?;
            from = vec![skipped + 1];
        }
        scan_range(kv, from.., &mut add)?;
        Ok(digests.live)
    }
}

pub(super) fn hash(key: &[u8], value: &[u8]) -> u64 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(key);
    let of_key = checksum.clone().finalize();
    checksum.update(value);
    scatter(u64::from(of_key) << 32 | u64::from(checksum.finalize()))
}

/// Checksums are linear, and sums of them cancel out where a scattered number does not. (The last step of splitmix64.)
const fn scatter(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// Shows the keys of `kv` in `range`, until `each` breaks.
fn scan_range(kv: &dyn Kv, range: impl RangeBounds<Key>, each: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), KvError> {
    let Bound::Included(from) = range.start_bound() else { panic!("a range of keys has a first one") };
    kv.scan(&[], from, &mut |key, value| {
        let within = match range.end_bound() {
            Bound::Excluded(end) => key < &end[..],
            Bound::Included(_) | Bound::Unbounded => true,
        };
        if !within {
            return ControlFlow::Break(());
        }
        each(key, value);
        ControlFlow::Continue(())
    })
}
