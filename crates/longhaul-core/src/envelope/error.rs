use std::any::type_name;

use super::{Codec, Envelope};
use crate::shape::Fingerprint;

/// A value cannot be stored.
///
/// ```
/// use longhaul_core::{Codec, Envelope, shape};
///
/// let value = serde_json::json!({ "free": "form" });
/// let error = Envelope::encode(&value, Codec::Bincode, 1, shape::fingerprint_of::<serde_json::Value>()).unwrap_err();
/// assert!(error.to_string().contains("json"), "{error}"); // the remedy
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Its `Serialize` failed, or the codec has no way to write it.
    #[error("cannot encode a `{type_name}` as {codec}: {reason}{}", remedy(*.codec))]
    Write {
        /// The type.
        type_name: &'static str,
        /// The codec.
        codec: Codec,
        /// What serde said.
        reason: String,
    },
    /// It was written, and could not be read back.
    #[error("a `{type_name}` encoded as {codec} cannot be read back: {reason}{}", remedy(*.codec))]
    ReadBack {
        /// The type.
        type_name: &'static str,
        /// The codec.
        codec: Codec,
        /// What serde said.
        reason: String,
    },
}

impl EncodeError {
    pub(super) fn write<T>(codec: Codec, reason: String) -> Self {
        Self::Write { type_name: type_name::<T>(), codec, reason }
    }

    pub(super) fn read_back<T>(codec: Codec, reason: String) -> Self {
        Self::ReadBack { type_name: type_name::<T>(), codec, reason }
    }
}

fn remedy(codec: Codec) -> &'static str {
    match codec {
        Codec::Bincode => "; use the json codec for this task, or a type without such fields",
        Codec::Json => "; its Serialize and Deserialize must agree, and its map keys must be texts or numbers",
    }
}

/// A stored value cannot be read as this type.
///
/// ```
/// use longhaul_core::{doc, envelope::DecodeError, shape};
///
/// let read = doc::value().decode_checked::<u32>(2, shape::fingerprint_of::<u32>());
/// assert!(matches!(read, Err(DecodeError::Older { found: 1, expected: 2, .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body is not a value of this type.
    #[error("a stored value (version {version}, {codec}, {length} bytes) is not a `{type_name}`: {reason}")]
    Body {
        /// The type.
        type_name: &'static str,
        /// The version that was stored.
        version: u16,
        /// The codec.
        codec: Codec,
        /// The length of the body in bytes.
        length: usize,
        /// What serde said.
        reason: String,
    },
    /// The type changed, and its version did not.
    #[error(
        "the shape of `{type_name}` changed without a new VERSION: stored {stored}, code has {code}, both are version \
         {version}; raise VERSION to {} and write migrate for what is stored, or undo the change",
        version.saturating_add(1)
    )]
    ShapeChanged {
        /// The type.
        type_name: &'static str,
        /// The version of both.
        version: u16,
        /// The shape that was stored.
        stored: Fingerprint,
        /// The shape that the code has.
        code: Fingerprint,
    },
    /// An older version was stored: the user's `migrate` reads it.
    #[error("a stored `{type_name}` has version {found}, the code has {expected}: it has to be migrated")]
    Older {
        /// The type.
        type_name: &'static str,
        /// The version that was stored.
        found: u16,
        /// The version of the code.
        expected: u16,
    },
    /// A newer version was stored: newer code has to read it.
    #[error("a stored `{type_name}` has version {found}, newer than the code's {expected}: newer code must read it")]
    Newer {
        /// The type.
        type_name: &'static str,
        /// The version that was stored.
        found: u16,
        /// The version of the code.
        expected: u16,
    },
    /// It was asked for as JSON, and is not.
    #[error("a stored value is encoded as {codec}, not json: decode it as a type that has its old shape")]
    NotJson {
        /// Its codec.
        codec: Codec,
    },
}

impl DecodeError {
    pub(super) fn body<T>(envelope: &Envelope, reason: String) -> Self {
        Self::Body {
            type_name: type_name::<T>(),
            version: envelope.schema_version(),
            codec: envelope.codec(),
            length: envelope.body().len(),
            reason,
        }
    }
}
