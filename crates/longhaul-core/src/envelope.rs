//! A user's value at rest: its bytes, and what is needed to read them again years later.
//!
//! ```text
//!  0    1    2    3      4         6              10       14
//! ┌────┬────┬────┬──────┬─────────┬──────────────┬────────┬──────
//! │ C7 │ 01 │ co │ flag │ version │ fingerprint  │ crc32  │ body …
//! └────┴────┴────┴──────┴─────────┴──────────────┴────────┴──────
//! ```
//!
//! Numbers are little-endian. `01` is the version of this layout, `co` the [`Codec`] of the body, `flag` is 0, or 1 if an
//! attachment stands before the body: its length in four bytes, and its bytes. The version is the user's (`Task::VERSION`), the fingerprint that of the type's [`shape`](crate::shape). The checksum
//! covers the other bytes of the header and the body, so that damage is told apart from a type that changed.

mod codec;
mod error;
mod malformed;
mod old;

use std::{any::type_name, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    codec::{Codec, UnknownCodec},
    error::{DecodeError, EncodeError},
    malformed::EnvelopeError,
    old::OldValue,
};
use crate::shape::Fingerprint;

/// No text and no record of ours begins with this byte, so a value that strayed in from elsewhere is noticed.
const MAGIC: u8 = 0xC7;
const LAYOUT: u8 = 1;
const HEADER: usize = 14;
/// The flag of a value with an attachment.
const ATTACHED: u8 = 1;
/// What comes before the checksum; what comes after it is the body.
const BEFORE_CHECKSUM: usize = HEADER - 4;

/// A value of the user as it is stored: encoded, with its codec, version and shape beside it, and a checksum.
///
/// Whoever holds one knows that the header and the checksum are right; whether the body is a `T` shows in
/// [`decode`](Self::decode). Cloning shares the bytes.
///
/// ```
/// use longhaul_core::{Codec, Envelope, shape};
///
/// let envelope = Envelope::encode(&"orders".to_owned(), Codec::Bincode, 1, shape::fingerprint_of::<String>())?;
/// let stored: Vec<u8> = envelope.as_bytes().to_vec();
///
/// let read = Envelope::from_bytes(stored)?;
/// assert_eq!(read.decode::<String>()?, "orders");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Envelope {
    bytes: Arc<[u8]>,
    codec: Codec,
}

impl Envelope {
    /// Encodes `value`, and reads back once what it encoded: bincode writes some types without complaint that it can
    /// never read, and the caller should learn that now, not when a run resumes.
    ///
    /// Size is not checked here; the limits of [`limits`](crate::limits) are held where values enter.
    ///
    /// ```
    /// use longhaul_core::{Codec, Envelope, shape};
    /// # use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// #[serde(untagged)]
    /// enum Id { Number(u64), Name(String) }
    ///
    /// let shape = shape::fingerprint_of::<Id>();
    /// let error = Envelope::encode(&Id::Number(7), Codec::Bincode, 1, shape).unwrap_err();
    /// assert!(error.to_string().contains("use the json codec"));
    /// assert!(Envelope::encode(&Id::Number(7), Codec::Json, 1, shape).is_ok());
    /// ```
    pub fn encode<T: Serialize + DeserializeOwned>(
        value: &T,
        codec: Codec,
        schema_version: u16,
        fingerprint: Fingerprint,
    ) -> Result<Self, EncodeError> {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend([MAGIC, LAYOUT, codec.id(), 0]);
        bytes.extend(schema_version.to_le_bytes());
        bytes.extend(fingerprint.0.to_le_bytes());
        bytes.extend([0; 4]);
        codec.write(value, &mut bytes).map_err(|reason| EncodeError::write::<T>(codec, reason))?;
        codec.read::<T>(&bytes[HEADER..]).map_err(|reason| EncodeError::read_back::<T>(codec, reason))?;
        let checksum = checksum(&bytes);
        bytes[BEFORE_CHECKSUM..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Ok(Self { bytes: bytes.into(), codec })
    }

    /// Takes stored bytes, and checks the header and the checksum.
    ///
    /// ```
    /// use longhaul_core::envelope::{Envelope, EnvelopeError};
    ///
    /// assert_eq!(Envelope::from_bytes(*b"hello"), Err(EnvelopeError::TooShort { length: 5 }));
    /// ```
    pub fn from_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Self, EnvelopeError> {
        let bytes = bytes.into();
        if bytes.len() < HEADER {
            return Err(EnvelopeError::TooShort { length: bytes.len() });
        }
        if bytes[0] != MAGIC {
            return Err(EnvelopeError::NotAnEnvelope { first: bytes[0] });
        }
        if bytes[1] != LAYOUT {
            return Err(EnvelopeError::UnknownLayout { layout: bytes[1] });
        }
        // Before the codec and the flags: a flipped bit there is damage, not a newer writer.
        let (stored, computed) = (u32_at(&bytes, BEFORE_CHECKSUM), checksum(&bytes));
        if stored != computed {
            return Err(EnvelopeError::Damaged { stored, computed });
        }
        let codec = Codec::from_id(bytes[2])?;
        match bytes[3] {
            0 => {}
            ATTACHED if attached(&bytes).is_some() => {}
            flags => return Err(EnvelopeError::UnknownFlags { flags }),
        }
        Ok(Self { bytes, codec })
    }

    /// The same value with something of ours attached that the value's type knows nothing of, in place of what was
    /// attached before; nothing if it is empty.
    ///
    /// ```
    /// use longhaul_core::{Codec, Envelope, shape};
    ///
    /// let plain = Envelope::encode(&7_u32, Codec::Bincode, 1, shape::fingerprint_of::<u32>())?;
    /// let attached = plain.with_attachment(b"remembered");
    /// assert_eq!(attached.decode::<u32>()?, 7);
    /// assert_eq!(attached.attachment(), Some(&b"remembered"[..]));
    /// assert_eq!(attached.with_attachment(b""), plain);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_attachment(&self, attachment: &[u8]) -> Self {
        let mut bytes = self.bytes[..HEADER].to_vec();
        bytes[3] = 0;
        if !attachment.is_empty() {
            bytes[3] = ATTACHED;
            bytes.extend((attachment.len() as u32).to_le_bytes());
            bytes.extend_from_slice(attachment);
        }
        bytes.extend_from_slice(self.body());
        let checksum = checksum(&bytes);
        bytes[BEFORE_CHECKSUM..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Self { bytes: bytes.into(), codec: self.codec }
    }

    /// What was attached with [`with_attachment`](Self::with_attachment).
    pub fn attachment(&self) -> Option<&[u8]> {
        attached(&self.bytes).map(|(attachment, _)| attachment)
    }

    /// The whole of it, as it is stored; [`from_bytes`](Self::from_bytes) takes it back.
    ///
    /// ```
    /// use longhaul_core::{Codec, Envelope, shape};
    ///
    /// let shape = shape::fingerprint_of::<u32>();
    /// let envelope = Envelope::encode(&7_u32, Codec::Json, 3, shape)?;
    /// assert_eq!(envelope.as_bytes().len(), envelope.len());
    /// assert_eq!((envelope.codec(), envelope.schema_version(), envelope.fingerprint()), (Codec::Json, 3, shape));
    /// assert_eq!((envelope.body(), envelope.decode::<u32>()?), (&b"7"[..], 7));
    /// assert_eq!(envelope.attachment(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The length of [`as_bytes`](Self::as_bytes), in bytes: what limits count.
    #[expect(clippy::len_without_is_empty, reason = "it holds a header, so it is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How the body is encoded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The version of the type that was encoded: `Task::VERSION` then.
    pub fn schema_version(&self) -> u16 {
        u16::from_le_bytes([self.bytes[4], self.bytes[5]])
    }

    /// The shape of the type that was encoded.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(u32_at(&self.bytes, 6))
    }

    /// The encoded value, without the header.
    pub fn body(&self) -> &[u8] {
        attached(&self.bytes).map_or(&self.bytes[HEADER..], |(_, body)| body)
    }

    /// Reads the body as a `T`, whatever version and shape were stored; bytes left over are an error.
    ///
    /// bincode does not describe itself: read as another type than was written, it may give a wrong value instead of
    /// an error. [`decode_checked`](Self::decode_checked) is the safe way.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.codec.read(self.body()).map_err(|reason| DecodeError::body::<T>(self, reason))
    }

    /// Reads the body as a `T` if the code's version of `T` is the stored one and its shape did not change meanwhile.
    ///
    /// json names its fields, and the type decides what it forgives: there, another shape is no error of its own.
    ///
    /// # Errors
    /// [`DecodeError::Older`] asks for the user's `migrate`; [`DecodeError::Newer`] and [`DecodeError::ShapeChanged`]
    /// say that this code cannot read the value; the rest that the value is no `T`.
    ///
    /// ```
    /// use longhaul_core::{Codec, Envelope, envelope::DecodeError, shape};
    ///
    /// // Version 1 stored a u32; somebody made it an i32 and kept the version.
    /// let stored = Envelope::encode(&300_u32, Codec::Bincode, 1, shape::fingerprint_of::<u32>())?;
    /// assert_ne!(stored.decode::<i32>()?, 300);
    ///
    /// let code = shape::fingerprint_of::<i32>();
    /// assert!(matches!(stored.decode_checked::<i32>(1, code), Err(DecodeError::ShapeChanged { .. })));
    /// assert!(matches!(stored.decode_checked::<i32>(2, code), Err(DecodeError::Older { found: 1, expected: 2, .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decode_checked<T: DeserializeOwned>(&self, version: u16, shape: Fingerprint) -> Result<T, DecodeError> {
        let (type_name, found, stored) = (type_name::<T>(), self.schema_version(), self.fingerprint());
        if found < version {
            return Err(DecodeError::Older { type_name, found, expected: version });
        }
        if found > version {
            return Err(DecodeError::Newer { type_name, found, expected: version });
        }
        if self.codec == Codec::Bincode && stored != shape {
            return Err(DecodeError::ShapeChanged { type_name, version, stored, code: shape });
        }
        self.decode()
    }
}

/// Short, and never the body: values may be secret, and long.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({} v{}, {} bytes)", self.codec, self.schema_version(), self.len())
    }
}

/// The attachment and the body of a value that has an attachment.
fn attached(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes[3] != ATTACHED {
        return None;
    }
    let (length, rest) = bytes[HEADER..].split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&bytes[..BEFORE_CHECKSUM]);
    hash.update(&bytes[HEADER..]);
    hash.finalize()
}
