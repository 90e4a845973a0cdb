//! Why a folder is not opened.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use crate::{
    engine::{kv::KvError, witness::Mark},
    error::{OpenError, panic_message},
    format::version::FORMAT_VERSION,
};

/// Why a folder is not opened.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    Engine(KvError),
    /// Not all is there, and it is known up to where it goes.
    RolledBack {
        found: Option<Mark>,
        required: Mark,
    },
    Corrupt(String),
    NewerFormat(u32),
}

impl From<KvError> for Refusal {
    fn from(error: KvError) -> Self {
        Self::Engine(error)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl Refusal {
    /// Whether something is missing, which a person may accept.
    pub(super) fn is_loss(&self) -> bool {
        matches!(self, Self::RolledBack { .. } | Self::Corrupt(_) | Self::Engine(KvError::Corrupt(_)))
    }

    pub(super) fn explain(self, folder: &Path) -> OpenError {
        let folder = folder.to_owned();
        match self {
            Self::Engine(KvError::Full(reason)) => OpenError::Full { folder, reason },
            Self::Engine(KvError::Io(reason) | KvError::Gone(reason)) => OpenError::Io { folder, reason },
            Self::Engine(KvError::Corrupt(reason)) | Self::Corrupt(reason) => OpenError::Corrupt { folder, reason },
            Self::Engine(error @ KvError::Panicked(_)) => {
                Self::Engine(KvError::of_words(error.to_string())).explain(&folder)
            }
            // The caller has got the timeout already, and the opening ends with it.
            Self::Engine(error @ KvError::Hung(_)) => OpenError::Io { folder, reason: error.to_string() },
            Self::NewerFormat(found) => OpenError::NewerFormat { folder, found, known: FORMAT_VERSION },
            Self::RolledBack { found, required } => OpenError::RolledBack {
                folder,
                found: found.map_or(0, |found| found.number),
                found_at: found.map(|found| found.at),
                expected: required.number,
                expected_at: required.at,
            },
        }
    }
}

/// sled panics on some damaged files, and on some errors of the operating system; nobody who opens one should.
pub(super) fn guarded<T>(open: impl FnOnce() -> Result<T, KvError>) -> Result<T, KvError> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| Err(panicked(&*panic)))
}

pub(super) fn panicked(panic: &(dyn Any + Send)) -> KvError {
    KvError::of_words(format!("reading it panicked: {}", panic_message(panic)))
}
