//! What can go wrong when a store is opened, and inside it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use longhaul_core::{StoreError, Timestamp, record::Damage};

use crate::engine::{kv::KvError, lock::Holder};

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
#[non_exhaustive]
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
    /// sled did not come back from it. As long as this process lives, the folder stays locked, since sled may still be at
    /// work in it.
    #[error("{} could not be opened: sled has not got on for {after:?}. Look into the system's log for errors of the disk, \
        then end this process and start it again; nothing is lost. If the store is only so large, and its disk so slow, \
        raise `Options::open_timeout`", folder.display())]
    Stalled {
        /// The folder.
        folder: PathBuf,
        /// For how long, at least, nothing was read or written.
        after: Duration,
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
    /// The store goes up to an earlier moment than it did: its files were truncated, removed, or copied while a process
    /// had them open.
    #[error("the store in {} is not whole: it goes up to {}, and the last batch that was acknowledged is {expected} of \
        {expected_at}. Nothing was changed. If this is a copy, use the original; otherwise open a new folder, and \
        `import` the latest export into it. `Options::accept_loss` opens this one with what is left",
        folder.display(), up_to(*found, *found_at))]
    RolledBack {
        /// The folder.
        folder: PathBuf,
        /// The batch up to which it goes, counted from the store's beginning; 0: nothing is there. A batch is what was
        /// committed together: the difference to `expected` is how many are missing.
        found: u64,
        /// When that was written.
        found_at: Option<Timestamp>,
        /// The batch up to which it must go.
        expected: u64,
        /// When that was written.
        expected_at: Timestamp,
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

fn up_to(found: u64, at: Option<Timestamp>) -> String {
    at.map_or_else(|| "nothing".into(), |at| format!("batch {found} of {at}"))
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

/// The error of a store that takes no more writes.
pub(crate) fn broken(cause: &KvError) -> StoreError {
    let remedy = match cause {
        // It may have panicked over what the operating system said.
        KvError::Panicked(words) => match KvError::of_words(words.clone()) {
            KvError::Corrupt(_) => {
                "End this process and start it again; if that fails too, import the latest export into a new folder"
            }
            told => remedy(&told),
        },
        cause => remedy(cause),
    };
    StoreError::Broken { reason: cause.to_string().into(), remedy: remedy.into() }
}

fn remedy(cause: &KvError) -> &'static str {
    match cause {
        KvError::Full(_) => "Make room on the disk, then start the process again: it goes on where it was",
        KvError::Io(_) => "Look into the system's log for errors of the disk, then start the process again",
        KvError::Gone(_) => {
            "What was acknowledged before is in files that go when this process ends: write an export now, then start \
             the process again, with that export or the folder put back"
        }
        KvError::Corrupt(_) | KvError::Panicked(_) => {
            "Start the process again; if that fails too, import the latest export into a new folder"
        }
        KvError::Hung(_) => {
            "Look into the system's log for errors of the disk, then end this process and start it again"
        }
    }
}

/// The error of a store whose committer panicked.
pub(crate) fn panicked(message: &str) -> StoreError {
    StoreError::Broken {
        reason: Arc::from(format!("its committer panicked: {message}")),
        remedy: "Start the process again, and report this as a bug".into(),
    }
}

/// What a panic said, if it said something.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_over_a_full_disk_says_to_make_room() {
        let of = |words: &str| match broken(&KvError::Panicked(words.into())) {
            StoreError::Broken { remedy, .. } => remedy,
            other => panic!("{other}"),
        };
        assert!(
            of("Err(Os { code: 28, kind: StorageFull, message: \"No space left on device\" })").contains("Make room")
        );
        assert!(of("Err(Os { code: 5, kind: Uncategorized, message: \"I/O\" })").contains("errors of the disk"));
        assert!(of("index out of bounds").contains("export"));
    }
}
