use serde::de::DeserializeOwned;

use super::{Codec, DecodeError, Envelope};

/// A value that older code stored: what `migrate` is given to read.
///
/// Keep the old type beside the new one, and decode the old value as it:
///
/// ```
/// use longhaul_core::{Codec, Envelope, envelope::{DecodeError, OldValue}, shape};
/// # use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct CursorV1 { last_id: u32 }
/// #[derive(Serialize, Deserialize)]
/// struct Cursor { last_id: u64, rows: u64 }
///
/// fn migrate(from: u16, value: OldValue<'_>) -> Result<Cursor, DecodeError> {
///     assert_eq!(from, 1);
///     let old: CursorV1 = value.decode()?;
///     Ok(Cursor { last_id: old.last_id.into(), rows: 0 })
/// }
///
/// let stored = Envelope::encode(&CursorV1 { last_id: 41 }, Codec::Bincode, 1, shape::fingerprint_of::<CursorV1>())?;
/// assert_eq!(migrate(stored.schema_version(), OldValue::new(&stored))?.last_id, 41);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OldValue<'a>(&'a Envelope);

impl<'a> OldValue<'a> {
    /// The value in this envelope.
    pub fn new(envelope: &'a Envelope) -> Self {
        Self(envelope)
    }

    /// The version under which it was stored.
    pub fn version(&self) -> u16 {
        self.0.schema_version()
    }

    /// How it is encoded.
    pub fn codec(&self) -> Codec {
        self.0.codec()
    }

    /// Reads it as a type of the shape it had then. The shape is not checked: with bincode, `Old` must have the same
    /// fields in the same order, and bytes left over are an error.
    pub fn decode<Old: DeserializeOwned>(&self) -> Result<Old, DecodeError> {
        self.0.decode()
    }

    /// Reads it without a type, if it was stored as JSON; otherwise [`DecodeError::NotJson`].
    ///
    /// ```
    /// # use longhaul_core::{Codec, Envelope, envelope::OldValue, shape};
    /// let stored = Envelope::encode(&vec![1, 2], Codec::Json, 1, shape::fingerprint_of::<Vec<i32>>())?;
    /// assert_eq!(OldValue::new(&stored).json()?[1], 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json(&self) -> Result<serde_json::Value, DecodeError> {
        match self.codec() {
            Codec::Json => self.decode(),
            codec => Err(DecodeError::NotJson { codec }),
        }
    }
}
