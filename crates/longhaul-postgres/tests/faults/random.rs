//! Chance that can be repeated: it says what it began with.

use std::hash::{BuildHasher, RandomState};

pub(crate) struct Random(u64);

impl Random {
    /// Begins with `LONGHAUL_FAULT_SEED`, or anything.
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("LONGHAUL_FAULT_SEED").map(|seed| seed.parse().expect("a number"));
        let seed = seed.unwrap_or_else(|_| RandomState::new().hash_one(0)) | 1;
        eprintln!("LONGHAUL_FAULT_SEED={seed}");
        Self(seed)
    }

    /// Xorshift: any number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
