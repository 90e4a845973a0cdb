//! Bytes in a frozen record: as they are in the file, as hexadecimal text in an export.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob<'a>(pub(super) Cow<'a, [u8]>);

impl Serialize for Blob<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.0);
        }
        let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).expect("a nibble is a digit");
        serializer.collect_str(&Text(self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()))
    }
}

struct Text(String);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Blob<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = Cow::<str>::deserialize(deserializer)?;
            return from_hex(&text).map(|bytes| Self(Cow::Owned(bytes))).ok_or_else(|| {
                de::Error::invalid_value(de::Unexpected::Str(&text), &"an even number of hexadecimal digits")
            });
        }
        deserializer.deserialize_bytes(Bytes).map(|bytes| Self(Cow::Borrowed(bytes)))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|nibble| nibble as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

struct Bytes;

impl<'de> de::Visitor<'de> for Bytes {
    type Value = &'de [u8];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(bytes)
    }
}

/// The same, owned, for a value that outlives the bytes it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnedBlob(pub(super) Vec<u8>);

impl Serialize for OwnedBlob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Blob(Cow::Borrowed(&self.0)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OwnedBlob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return deserializer.deserialize_bytes(Bytes).map(|bytes| Self(bytes.to_vec()));
        }
        let text = Cow::<str>::deserialize(deserializer)?;
        let bytes = from_hex(&text);
        bytes
            .map(Self)
            .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"hexadecimal digits, two a byte"))
    }
}
