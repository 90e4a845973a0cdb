//! What a value needs so that it can be stored, and the error of an old value that cannot be read.

use std::fmt::Display;

use longhaul_core::envelope::DecodeError;
use serde::{Serialize, de::DeserializeOwned};

/// A value that longhaul can store: one that serde writes and reads. Implemented for all such types.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Cursor { at: u64 }
///
/// fn can_be_stored<T: longhaul::Payload>() {}
/// can_be_stored::<Cursor>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored by longhaul",
    label = "not serialisable, or not `Send + Sync + 'static`",
    note = "metadata, execution metadata, results and errors are stored: add `#[derive(Serialize, Deserialize)]` to `{Self}`"
)]
pub trait Payload: Serialize + DeserializeOwned + Send + Sync + 'static {}

// Without this the compiler names the parts, and not what they are for.
#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Payload for T {}

/// An old value that could not be read.
///
/// ```
/// use longhaul::MigrateError;
///
/// assert_eq!(MigrateError::new("a cursor of 2019").to_string(), "a cursor of 2019");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MigrateError(String);

impl MigrateError {
    /// Says what is wrong with the value.
    pub fn new(message: impl Display) -> Self {
        Self(message.to_string())
    }

    /// The task has no function `what` that would read a value of version `from`.
    pub(crate) fn missing(what: &str, from: u16, to: u16) -> Self {
        Self(format!("the value has version {from}, the code has version {to}: implement `Task::{what}`"))
    }
}

impl From<DecodeError> for MigrateError {
    fn from(error: DecodeError) -> Self {
        Self::new(error)
    }
}
