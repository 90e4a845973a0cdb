//! The description of a kind. Frozen; a change gets another version byte.
//!
//! ```text
//! 01 | description: bincode, standard configuration | CRC-32 of the kind and all bytes before, little-endian
//! ```

use serde::{Deserialize, Serialize};

use super::{
    bytes::{VERSION, checksum, read_next, versioned},
    damage::Damage,
};
use crate::{envelope::Codec, name::Kind, store::KindDescription};

#[derive(Serialize, Deserialize)]
struct KindV1 {
    renamed: Option<Box<str>>,
    version: u16,
    codec: u8,
    hides_values: bool,
    title: Option<Box<str>>,
    schema: Option<Box<str>>,
}

impl KindV1 {
    fn of(description: &KindDescription) -> Self {
        let KindDescription { kind: _, renamed, version, codec, hides_values, title, schema } = description.clone();
        Self {
            renamed: renamed.map(|kind| kind.as_str().into()),
            version,
            codec: codec.id(),
            hides_values,
            title,
            schema,
        }
    }

    fn back(self, kind: Kind) -> Result<KindDescription, String> {
        let Self { renamed, version, codec, hides_values, title, schema } = self;
        let renamed = renamed.map(|name| Kind::new(&name)).transpose().map_err(|error| error.to_string())?;
        let codec = Codec::from_id(codec).map_err(|error| error.to_string())?;
        Ok(KindDescription { kind, renamed, version, codec, hides_values, title, schema })
    }
}

/// Encodes the description of a kind, without its name: a store keeps it under the name.
///
/// ```
/// use longhaul_core::{Codec, Kind, record::{read_kind, write_kind}, store::KindDescription};
///
/// let description = KindDescription::new(Kind::new("export")?, 1, Codec::Json);
/// let bytes = write_kind(&description);
/// assert_eq!(read_kind(&description.kind, &bytes), Ok(description));
/// assert!(read_kind(&Kind::new("import")?, &bytes).is_err());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
pub fn write_kind(description: &KindDescription) -> Vec<u8> {
    let mut bytes = versioned(&KindV1::of(description));
    let checksum = checksum(description.kind.as_str().as_bytes(), &bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads the description of `kind`. Bytes that were written for another kind are an error.
///
/// ```
/// use longhaul_core::{Codec, Kind, record::{read_kind, write_kind}, store::KindDescription};
///
/// let description = KindDescription::new(Kind::new("export")?, 1, Codec::Json);
/// let mut bytes = write_kind(&description);
/// bytes[1] ^= 1;
/// assert!(read_kind(&description.kind, &bytes).is_err());
/// # Ok::<(), longhaul_core::name::NameError>(())
/// ```
pub fn read_kind(kind: &Kind, bytes: &[u8]) -> Result<KindDescription, Damage> {
    let damaged = |reason: &str| Damage::of(format!("the description of the kind `{kind}`"), reason);
    let (body, stored) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("it is cut short"))?;
    if checksum(kind.as_str().as_bytes(), body) != u32::from_le_bytes(*stored) {
        return Err(damaged("its checksum is wrong"));
    }
    let body = body.strip_prefix(&[VERSION]).ok_or_else(|| damaged("it has another format than 1"))?;
    let (frozen, rest) = read_next::<KindV1>(body).map_err(|error| damaged(&error))?;
    if !rest.is_empty() {
        return Err(damaged("bytes are left over"));
    }
    frozen.back(kind.clone()).map_err(|error| damaged(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described() -> KindDescription {
        KindDescription {
            renamed: Some(Kind::new("report").unwrap()),
            hides_values: true,
            title: Some("A report".into()),
            schema: Some(r#"{"metadata":true}"#.into()),
            ..KindDescription::new(Kind::new("old-report").unwrap(), 300, Codec::Json)
        }
    }

    #[test]
    fn the_description_of_a_kind_is_read_back_and_damage_is_noticed() {
        let (described, other) = (described(), Kind::new("other").unwrap());
        let bytes = write_kind(&described);
        assert_eq!(read_kind(&described.kind, &bytes).as_ref(), Ok(&described));
        assert!(read_kind(&other, &bytes).is_err());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(read_kind(&described.kind, &damaged).is_err(), "byte {at}");
            assert!(read_kind(&described.kind, &bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_bytes_of_the_description_of_a_kind_are_frozen() {
        let hex = include_str!("../../tests/golden/record/kind.hex").trim_end();
        let frozen: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert_eq!(write_kind(&described()), frozen);
    }
}
