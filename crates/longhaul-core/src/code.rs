//! What a server's code can read.

use crate::{name::Kind, shape::Fingerprint};

/// One kind that a server can execute, and what values of it its code reads. A claim lists them; a run whose version
/// is newer is left for a server that knows it.
///
/// ```
/// use longhaul_core::{Kind, code::{CodeMark, KindSupport}};
///
/// let support = KindSupport { kind: Kind::new("export")?, version: 3, mark: CodeMark::default() };
/// assert!(2 <= support.version); // a run of version 2 is read by this code
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
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
///
/// ```
/// use longhaul_core::{code::CodeMark, shape};
///
/// let (number, text) = (shape::fingerprint_of::<u64>(), shape::fingerprint_of::<String>());
/// assert_eq!(CodeMark::of(1, number, text), CodeMark::of(1, number, text));
/// assert_ne!(CodeMark::of(1, number, text), CodeMark::of(2, number, text));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is a number with a name")]
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
