//! How a store is opened.

use std::{sync::Arc, time::Duration};

use longhaul_core::Clock;

use crate::engine::watchdog::{ENGINE_TIMEOUT, OPEN_TIMEOUT};

/// What an acknowledged write survives.
///
/// ```
/// use longhaul_embedded::Durability;
///
/// assert_eq!(Durability::default(), Durability::Power);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "programs that choose one may want to match it")]
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
/// #     fn monotonic(&self) -> std::time::Duration { std::time::Duration::ZERO }
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
    pub(crate) open_timeout: Duration,
    pub(crate) engine_timeout: Duration,
    pub(crate) accepts_loss: bool,
}

impl Options {
    /// The defaults, with the time from `clock`: [`Durability::Power`], and 64 MiB of cache.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            durability: Durability::default(),
            cache_capacity: 64 << 20,
            sets_aside: false,
            open_timeout: OPEN_TIMEOUT,
            engine_timeout: ENGINE_TIMEOUT,
            accepts_loss: false,
        }
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

    /// How long opening may go without a sign of life before it is [`OpenError::Stalled`](crate::OpenError::Stalled), in
    /// real time and whole seconds: 5 minutes, if nothing is said. sled can wait for itself for ever when a system call
    /// fails while it opens.
    ///
    /// sled reads its files in one call, during which there is none; where it has lost its snapshot, those are all of
    /// them: 30 GB on a disk of 100 MB/s take 5 minutes. From then on each record is one.
    ///
    /// ```
    /// # use longhaul_embedded::Options;
    /// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
    /// use std::time::Duration;
    ///
    /// let options = Options::new(clock).open_timeout(Duration::from_secs(60));
    /// ```
    pub const fn open_timeout(mut self, timeout: Duration) -> Self {
        self.open_timeout = timeout;
        self
    }

    /// How long sled may take for one read, write or sync of an open store before the store is given up as
    /// [`StoreError::Broken`](crate::StoreError::Broken), in real time and whole seconds: 25 seconds, if nothing is said.
    /// That is longer than any sync of a disk that still works, and shorter than the 30 seconds that a server gives each
    /// call of its store.
    ///
    /// Time during which the process is stopped does not count.
    ///
    /// ```
    /// # use longhaul_embedded::Options;
    /// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
    /// use std::time::Duration;
    ///
    /// // A network disk whose fail-over takes a minute. The server's `store_timeout` should be longer still.
    /// let options = Options::new(clock).engine_timeout(Duration::from_secs(90));
    /// ```
    pub const fn engine_timeout(mut self, timeout: Duration) -> Self {
        self.engine_timeout = timeout;
        self
    }

    /// Opens a store that does not hold all that was acknowledged, with what is left of it: one that is refused as
    /// [`OpenError::RolledBack`](crate::OpenError::RolledBack), or as [`OpenError::Corrupt`](crate::OpenError::Corrupt)
    /// for what it misses. What is missing is missing for good then, and from here on what is left counts as the store:
    /// the next opening needs no `accept_loss`.
    ///
    /// Whether that is better than the latest export is a person's decision. So this is for once, after the error was
    /// read and the folder was copied, and not for every start. It does not open what sled cannot read.
    ///
    /// ```no_run
    /// use longhaul_embedded::{EmbeddedStore, OpenError, Options};
    /// # use std::sync::Arc;
    ///
    /// # let clock = Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
    /// match EmbeddedStore::open("./data", Options::new(clock.clone())) {
    ///     Err(error @ OpenError::RolledBack { .. }) => eprintln!("{error}"),
    ///     other => drop(other?),
    /// }
    /// // After the folder was copied, and somebody decided:
    /// let store = EmbeddedStore::open("./data", Options::new(clock).accept_loss(true))?;
    /// # Ok::<(), OpenError>(())
    /// ```
    pub const fn accept_loss(mut self, accept: bool) -> Self {
        self.accepts_loss = accept;
        self
    }

    /// How many bytes of the files sled aims to hold in memory. It is no hard limit.
    pub const fn cache_capacity(mut self, bytes: u64) -> Self {
        self.cache_capacity = bytes;
        self
    }
}
