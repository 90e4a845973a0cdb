//! What changed, in one byte.

/// A set of things that calls wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topics(u8);

impl Topics {
    /// Runs may be due, or what held them back is over.
    pub(crate) const CLAIMS: Self = Self(1);
    pub(crate) const STOP_REQUESTS: Self = Self(2);
    pub(crate) const SCHEDULES: Self = Self(4);
    pub(crate) const ENDED: Self = Self(8);
    /// Runs changed.
    pub(crate) const RUNS: Self = Self(16);

    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The same, with `other` if `is_in`.
    pub(crate) fn with(self, other: Self, is_in: bool) -> Self {
        if is_in { Self(self.0 | other.0) } else { self }
    }
}
