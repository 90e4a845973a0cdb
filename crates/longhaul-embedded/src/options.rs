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
    pub(crate) sets_aside: bool,
}

impl Options {
    /// The defaults, with the time from `clock`: [`Durability::Power`], and 64 MiB of cache.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, durability: Durability::default(), cache_capacity: 64 << 20, sets_aside: false }
    }

    /// What an acknowledged write survives.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Opens a store with damaged runs: those whose record cannot be read are **not in it any more**. Their bytes are set
    /// aside under keys of their own, never removed, and told by [`EmbeddedStore::set_aside`](crate::EmbeddedStore::set_aside)
    /// and by every [`verify`](crate::EmbeddedStore::verify). A run whose record can be read, and its values not, stays, and
    /// is not executed; it can be deleted.
    ///
    /// Without it, such a store does not open: a store that left out a live run in silence would break its promise. So
    /// this is for after the damage was seen, on a copy at first, and not for every start.
    pub const fn set_aside_damaged(mut self) -> Self {
        self.sets_aside = true;
        self
    }

    /// How many bytes of the files sled aims to hold in memory. It is no hard limit.
    pub const fn cache_capacity(mut self, bytes: u64) -> Self {
        self.cache_capacity = bytes;
        self
    }
}
