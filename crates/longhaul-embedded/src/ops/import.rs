//! Runs on their way in.

use longhaul_core::StoredRun;

use super::look_at_waits::look_at_waits;
use crate::{error::Fault, state::State};

/// What an import did.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, Options};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// # let store = EmbeddedStore::open(folder.path(), Options::new(clock))?;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let mut backup = Vec::new();
/// let exported = store.export(&mut backup).await?;
/// assert_eq!(exported.runs, 0);
/// let imported = store.import(&mut backup.as_slice()).await?;
/// assert_eq!((imported.added, imported.already), (0, 0));
/// # store.close().await;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Imported {
    /// Runs that were added.
    pub added: u64,
    /// Runs, schedules, queues and kinds that were there already, and are as they were.
    pub already: u64,
    /// Queues and kinds that got a pause or limits.
    pub controls: u64,
    /// Schedules that were added.
    pub schedules: u64,
}

/// Adds runs that are not there yet. A run that was executing when it was exported goes on as after a shutdown.
pub(crate) fn import(store: &mut State, runs: Vec<StoredRun>) -> Result<Imported, Fault> {
    look_at_waits(store)?;
    let mut imported = Imported::default();
    for mut stored in runs {
        if store.exists(stored.run.id)? {
            imported.already += 1;
            continue;
        }
        stored.interrupt(store.now, "it was exported while it ran");
        store.come_back(&mut stored.run);
        store.add(Box::new(stored.into()), None)?;
        imported.added += 1;
    }
    // What comes in waits as it waited: what it waits for may come later.
    store.index.waits.forget_news();
    Ok(imported)
}
