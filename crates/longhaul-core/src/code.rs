//! What a server's code can read.

use crate::{name::Kind, shape::Fingerprint};

/// One kind that a server can execute, and what values of it its code reads. A claim lists them; a run whose version
/// is newer is left for a server that knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindSupport {
    /// The kind, or one of its aliases.
    pub kind: Kind,
    /// `Task::VERSION`: the newest version of its values that this code reads.
    pub version: u16,
    /// Tells this code from other code of the same kind: a run that was parked as Incompatible by code with another
    /// mark is given a new chance.
    pub mark: CodeMark,
}

/// A digest of the version and the shapes of a task's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct CodeMark(pub u32);

impl CodeMark {
    /// The mark of code that reads values of these shapes under this version.
    pub fn of(version: u16, metadata: Fingerprint, execution_metadata: Fingerprint) -> Self {
        let mut hash = crc32fast::Hasher::new();
        hash.update(&version.to_le_bytes());
        hash.update(&metadata.0.to_le_bytes());
        hash.update(&execution_metadata.0.to_le_bytes());
        Self(hash.finalize())
    }
}
