//! How a store is opened.

use std::sync::Arc;

use longhaul_core::Clock;

/// What an acknowledged write survives.
///
/// ```
/// use longhaul_embedded::Durability;
///
/// assert_eq!(Durability::default(), Durability::Power);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Durability {
    /// The death of the process, of the operating system, and a power cut: an `fdatasync` comes before each answer.
    #[default]
    Power,
    /// The death of the process, `kill -9` included. A power cut, or a crash of the operating system, may take the
    /// last half second.
    Process,
}

/// How a store is opened.
///
/// ```
/// use longhaul_embedded::{Durability, Options};
/// # use longhaul_core::{Clock, Timestamp, clock::OnJump};
/// # #[derive(Debug)] struct SystemClock;
/// # impl Clock for SystemClock {
/// #     fn now(&self) -> Timestamp { Timestamp::EPOCH }
/// #     fn wait_for(&self, _: Timestamp) -> Option<std::time::Duration> { None }
/// #     fn on_jump(&self, _: std::sync::Weak<OnJump>) {}
/// # }
/// use std::sync::Arc;
///
/// let options = Options::new(Arc::new(SystemClock)).durability(Durability::Process);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) durability: Durability,
    pub(crate) cache_capacity: u64,
}

impl Options {
    /// The defaults, with the time from `clock`: [`Durability::Power`], and 64 MiB of cache.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, durability: Durability::default(), cache_capacity: 64 << 20 }
    }

    /// What an acknowledged write survives.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// How many bytes of the files sled aims to hold in memory. It is no hard limit.
    pub const fn cache_capacity(mut self, bytes: u64) -> Self {
        self.cache_capacity = bytes;
        self
    }
}
