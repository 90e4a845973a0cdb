//! Stored bytes that are no envelope.

/// Stored bytes are not a value that we wrote, or one of a newer longhaul.
///
/// ```
/// use longhaul_core::{Envelope, envelope::EnvelopeError};
///
/// assert!(matches!(Envelope::from_bytes(*b"not an envelope"), Err(EnvelopeError::NotAnEnvelope { .. })));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// There are fewer bytes than a header has.
    #[error("a stored value of {length} bytes is too short to be one")]
    TooShort {
        /// The number of bytes.
        length: usize,
    },
    /// It does not begin as our values do.
    #[error("these bytes are not a stored value: they begin with {first:#04x}, not 0xc7")]
    NotAnEnvelope {
        /// The first byte.
        first: u8,
    },
    /// Its layout is not known here.
    #[error("a stored value has layout {layout}, which this version of longhaul does not know: use a newer one")]
    UnknownLayout {
        /// The layout that it names.
        layout: u8,
    },
    /// The checksum does not match: it was cut, or bits of it have changed.
    #[error("a stored value is damaged: its checksum is {computed:08x}, and {stored:08x} was stored")]
    Damaged {
        /// The checksum that was stored.
        stored: u32,
        /// The checksum of what is there.
        computed: u32,
    },
    /// Its codec is not known here.
    #[error("a stored value is encoded by codec {id}, which this version of longhaul does not know: use a newer one")]
    UnknownCodec {
        /// The codec's id.
        id: u8,
    },
    /// It has flags that are not known here.
    #[error("a stored value has flags {flags:#04x}, which this version of longhaul does not know: use a newer one")]
    UnknownFlags {
        /// The flags.
        flags: u8,
    },
}
