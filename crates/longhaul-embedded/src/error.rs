//! What can go wrong when a store is opened, and inside it.

use std::{path::PathBuf, sync::Arc};

use longhaul_core::StoreError;

use crate::{kv::KvError, lock::Holder, record::Damage};

/// Why a folder could not be opened as a store. Nothing in it was changed, unless the variant says so.
///
/// ```
/// # use longhaul_embedded::{EmbeddedStore, OpenError, Options};
/// # let folder = tempfile::tempdir()?;
/// # let clock = std::sync::Arc::new(longhaul_testkit::TestClock::starting_at(longhaul_core::Timestamp::EPOCH));
/// let store = EmbeddedStore::open(folder.path(), Options::new(clock.clone()))?;
/// let second = EmbeddedStore::open(folder.path(), Options::new(clock));
/// assert!(matches!(second, Err(OpenError::Locked { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another handle of this one, has it open.
    #[error("{} is in use by {holder}: {}", folder.display(), holder.remedy())]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Who has it open.
        holder: Holder,
    },
    /// There is something of that name, and it is not a folder.
    #[error("{} is not a folder", folder.display())]
    NotAFolder {
        /// What was to be opened.
        folder: PathBuf,
    },
    /// The disk is full: sled needs some room even to open.
    #[error("{} cannot be opened because the disk is full ({reason}): make room, then open it again; nothing is lost",
        folder.display())]
    Full {
        /// The folder.
        folder: PathBuf,
        /// What the operating system said.
        reason: String,
    },
    /// The operating system refused to read or write.
    #[error("{} cannot be opened: {reason}", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// What it said.
        reason: String,
    },
    /// What is in the folder is not what was written to it.
    #[error("the store in {} is damaged: {reason}. Copy the folder first. If single runs are damaged, \
        open the copy with `Options::set_aside_damaged`; otherwise open a new folder, and `import` the latest export \
        into it", folder.display())]
    Corrupt {
        /// The folder.
        folder: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A newer release of longhaul wrote it.
    #[error("the store in {} has format {found}, this release reads up to {known}: open it with the release that \
        wrote it, or a newer one", folder.display())]
    NewerFormat {
        /// The folder.
        folder: PathBuf,
        /// The format that was found.
        found: u32,
        /// The newest format that this code reads.
        known: u32,
    },
}

/// What stops the work on a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// The engine failed: no more writes.
    #[error(transparent)]
    Engine(#[from] KvError),
    /// A record cannot be read; others can.
    #[error(transparent)]
    Damage(#[from] Damage),
}

impl From<Damage> for StoreError {
    fn from(Damage { what, reason }: Damage) -> Self {
        Self::Corrupt { what, reason }
    }
}

/// What a store that takes no more writes says.
pub(crate) fn broken(cause: &KvError) -> StoreError {
    let remedy = match cause {
        KvError::Full(_) => "Make room on the disk, then start the process again: it goes on where it was",
        KvError::Io(_) => "Look into the system's log for errors of the disk, then start the process again",
        KvError::Corrupt(_) => "Start the process again; if that fails too, import the latest export into a new folder",
    };
    StoreError::Broken { reason: cause.to_string().into(), remedy: remedy.into() }
}

/// What a store whose committer panicked says.
pub(crate) fn panicked(message: &str) -> StoreError {
    StoreError::Broken {
        reason: Arc::from(format!("its committer panicked: {message}")),
        remedy: "Start the process again, and report this as a bug".into(),
    }
}
