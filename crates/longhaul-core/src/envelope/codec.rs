use std::{fmt, str::FromStr};

use bincode::{
    config::{Configuration, Limit, LittleEndian, Varint, standard},
    error::{DecodeError, EncodeError},
    serde::DecodeError as SerdeError,
};
use serde::{Serialize, de::DeserializeOwned};

use super::EnvelopeError;
use crate::limits::RESULT_MAX;

/// What a body may claim to hold, in bytes of memory: a length beyond it is refused before anything is allocated.
/// bincode counts each integer by its width, not by what it takes in the body, so the widest (16 bytes in memory, one
/// in the body) sets the factor: no value within our limits is refused.
const CLAIM_MAX: usize = RESULT_MAX * 16;

type Config = Configuration<LittleEndian, Varint, Limit<CLAIM_MAX>>;

/// How a value is encoded. The ids stand in stored bytes: none is ever used again for something else.
///
/// ```
/// use longhaul_core::Codec;
///
/// assert_eq!("json".parse(), Ok(Codec::Json));
/// assert_eq!(Codec::Bincode.to_string(), "bincode");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// bincode 2 in its standard configuration: small and fast. It carries no names, so it needs a type whose shape
    /// stays; it cannot read untagged or internally tagged enums, flattened structs and `serde_json::Value`.
    #[default]
    Bincode,
    /// JSON: for types that bincode cannot read, for other languages, and for eyes.
    Json,
}

/// A codec's name that nobody knows.
///
/// ```
/// use longhaul_core::Codec;
///
/// assert!(Codec::from_id(99).unwrap_err().to_string().contains("99"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no codec is called `{name}`: use `bincode` or `json`")]
#[expect(clippy::exhaustive_structs, reason = "it is a number with a name")]
pub struct UnknownCodec {
    /// The name.
    pub name: String,
}

impl Codec {
    /// The byte that stands for it in an [`Envelope`](super::Envelope).
    pub const fn id(self) -> u8 {
        match self {
            Self::Bincode => 1,
            // 2 is kept for postcard.
            Self::Json => 3,
        }
    }

    /// The codec of an id, or an error: never a guess.
    pub const fn from_id(id: u8) -> Result<Self, EnvelopeError> {
        match id {
            1 => Ok(Self::Bincode),
            3 => Ok(Self::Json),
            id => Err(EnvelopeError::UnknownCodec { id }),
        }
    }

    /// Its name, as it is written in configuration; [`FromStr`] reads it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bincode => "bincode",
            Self::Json => "json",
        }
    }

    pub(super) fn write<T: Serialize>(self, value: &T, to: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Bincode => match bincode::serde::encode_into_std_write(value, to, config()) {
                Ok(_) => Ok(()),
                Err(error) => Err(encode_reason(error)),
            },
            Self::Json => serde_json::to_writer(to, value).map_err(|error| error.to_string()),
        }
    }

    pub(super) fn read<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, String> {
        match self {
            Self::Bincode => match bincode::serde::decode_from_slice(body, config()) {
                Ok((value, used)) if used == body.len() => Ok(value),
                Ok((_, used)) => Err(format!("{} bytes are left over", body.len() - used)),
                Err(error) => Err(decode_reason(error)),
            },
            // It refuses what is left over by itself.
            Self::Json => serde_json::from_slice(body).map_err(|error| error.to_string()),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(name: &str) -> Result<Self, UnknownCodec> {
        match name {
            "bincode" => Ok(Self::Bincode),
            "json" => Ok(Self::Json),
            _ => Err(UnknownCodec { name: name.to_owned() }),
        }
    }
}

fn config() -> Config {
    standard().with_limit()
}

/// bincode prints its errors as Rust code; these are those that a user meets.
fn decode_reason(error: DecodeError) -> String {
    match error {
        DecodeError::OtherString(reason) => reason,
        DecodeError::Other(reason) => reason.to_owned(),
        DecodeError::UnexpectedEnd { additional } => format!("it ends {additional} bytes too early"),
        DecodeError::LimitExceeded => format!("it claims to hold more than {CLAIM_MAX} bytes"),
        DecodeError::Utf8 { inner } => inner.to_string(),
        DecodeError::Serde(
            SerdeError::AnyNotSupported | SerdeError::IdentifierNotSupported | SerdeError::IgnoredAnyNotSupported,
        ) => "bincode carries no names and types to read it by (an untagged or internally tagged enum, a flattened \
              struct, or serde_json::Value)"
            .to_owned(),
        other => other.to_string(),
    }
}

fn encode_reason(error: EncodeError) -> String {
    match error {
        EncodeError::OtherString(reason) => reason,
        EncodeError::Other(reason) => reason.to_owned(),
        EncodeError::Serde(bincode::serde::EncodeError::SequenceMustHaveLength) => {
            "bincode needs to know beforehand how many fields or items there are (a flattened struct has no fixed number)"
                .to_owned()
        }
        other => other.to_string(),
    }
}
