//! The store in a folder, with the options that most programs want.

use std::{path::Path, sync::Arc};

use longhaul_embedded::{EmbeddedStore, OpenError, Options};

use crate::SystemClock;

/// Opens the store in `folder`, and makes it if it is not there: durable against power cuts, on the system's clock. For
/// other options see [`EmbeddedStore::open`].
///
/// It blocks while it reads, for milliseconds, or for seconds where there are millions of runs: call it before the work
/// begins, or use [`open_async`].
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

/// The same without blocking, for code that is on a runtime already.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = std::env::temp_dir().join(format!("longhaul-doc-async-{}", std::process::id()));
/// let store = longhaul::open_async(&folder).await?;
/// # drop(store);
/// # std::fs::remove_dir_all(folder)?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`open`].
///
/// # Cancel safety
/// When the future is dropped, the folder is opened all the same, and closed again.
pub async fn open_async(folder: impl AsRef<Path>) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open_async(folder, Options::new(Arc::new(SystemClock))).await
}
