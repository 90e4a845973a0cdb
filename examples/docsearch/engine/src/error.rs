//! What can go wrong while an index is built or asked. Each message says what, where, and what to do.

use std::{fmt::Display, io, path::Path};

use serde::{Deserialize, Serialize};

/// Why a build, or a query, cannot go on. Kept with a failed run, so it owns plain texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum IndexError {
    /// The input folder is not there, or cannot be entered.
    #[error("cannot read the input folder {folder}: {why}. Check the path, or name another with --input DIR")]
    Input {
        /// Which folder.
        folder: String,
        /// What the system said.
        why: String,
    },
    /// No file in the folder has an ending that is looked for.
    #[error("nothing to index in {folder}: no file ends in {endings}. Name a folder that has some with --input DIR")]
    NothingToIndex {
        /// Which folder.
        folder: String,
        /// Such as `.html`.
        endings: String,
    },
    /// There are files, but not one of them could be read.
    #[error(
        "none of the {files} files in {folder} can be read. Check their permissions, then start again with --fresh"
    )]
    NothingReadable {
        /// Which folder.
        folder: String,
        /// How many were tried.
        files: u32,
    },
    /// No room for the index.
    #[error("the disk is full: cannot write {path}. Nothing is lost: make room, then run the same command to go on")]
    DiskFull {
        /// What was being written.
        path: String,
    },
    /// An index file does not hold what was written.
    #[error("{path} is damaged ({what}). Build the index anew with --fresh")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// Anything else that the system refuses.
    #[error("cannot {doing} {path}: {why}. Nothing is lost: mend it, then run the same command to go on")]
    Io {
        /// Such as `read`.
        doing: String,
        /// Which file or folder.
        path: String,
        /// What the system said.
        why: String,
    },
    /// A query was asked before an index was finished.
    #[error("there is no finished index in {folder} yet. Run docsearch without `query` first, with the same --data")]
    NoIndex {
        /// Where it was looked for.
        folder: String,
    },
}

impl IndexError {
    /// Whether trying the same again can help, once somebody made room, mended a disk or plugged it in.
    pub fn can_pass(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::Io { .. } | Self::Input { .. })
    }

    /// What an I/O error means that came while something was done to a file.
    pub fn of_io(error: &io::Error, doing: &str, path: &Path) -> Self {
        let path_text = path.display().to_string();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path: path_text },
            io::ErrorKind::InvalidData => Self::damaged(path, error.to_string()),
            io::ErrorKind::UnexpectedEof => Self::damaged(path, "it ends too early"),
            // What was written by an earlier unit is durable: somebody has removed it.
            io::ErrorKind::NotFound => Self::damaged(path, "it is missing"),
            _ => Self::Io { doing: doing.into(), path: path_text, why: error.to_string() },
        }
    }

    /// Why an input folder cannot be read.
    pub fn input(folder: &Path, why: &dyn Display) -> Self {
        Self::Input { folder: folder.display().to_string(), why: why.to_string() }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.display().to_string(), what: what.into() }
    }
}

/// Says what was done to which file when an I/O error came.
pub(super) trait At<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T, IndexError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T, IndexError> {
        self.map_err(|error| IndexError::of_io(&error, doing, path))
    }
}
