//! What was set aside when a store was opened.

use std::fmt;

use longhaul_core::record::Damage;

/// Something that could not be read when the store was opened, and was set aside: its bytes are in the store, under a
/// key of their own, and nothing else knows of it.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, Options, SetAside};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// let store = EmbeddedStore::open(folder.path(), Options::new(clock).set_aside_damaged())?;
/// for SetAside { what, reason, .. } in store.set_aside() {
///     eprintln!("{what} is lost: {reason}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SetAside {
    /// A run, or a page of runs.
    pub what: String,
    /// What is wrong with it.
    pub reason: String,
}

impl From<Damage> for SetAside {
    fn from(Damage { what, reason, .. }: Damage) -> Self {
        Self { what: what.to_string(), reason: reason.to_string() }
    }
}

impl fmt::Display for SetAside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was set aside: {}", self.what, self.reason)
    }
}
