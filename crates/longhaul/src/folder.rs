//! The store in a folder, with nothing to be said about it.

use std::{path::Path, sync::Arc};

use longhaul_embedded::{EmbeddedStore, OpenError, Options};

use crate::SystemClock;

/// Opens the store in `folder`, and makes it if it is not there: durable against power cuts, on the system's clock. For
/// other options see [`EmbeddedStore::open`].
///
/// It blocks while it reads, for milliseconds, or seconds where millions of runs are kept: call it before the work
/// begins, or on a thread that may block.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("longhaul-doc-{}", std::process::id()));
/// let store = longhaul::open(&folder)?;
/// # drop(store);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When the folder is in use by another process (it says which), the disk is full, or what is there cannot be read. It
/// says what to do, and nothing was changed.
pub fn open(folder: impl AsRef<Path>) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(folder, Options::new(Arc::new(SystemClock)))
}
