//! Identifiers: of a run, of a server's incarnation, and the epoch that fences one attempt from the next.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::time::Timestamp;

/// Crockford's alphabet, in lower case: no `i`, `l`, `o`, `u`, so that an id can be read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits in groups of five.
const DIGITS: usize = 26;

/// 128 bits that begin with the time: UUID version 7 (RFC 9562, section 5.7).
const fn uuid_v7(at: Timestamp, random: [u8; 10]) -> [u8; 16] {
    let millis = at.as_micros() / 1000;
    let time = (if millis < 0 { 0 } else { millis }).to_be_bytes();
    let r = random;
    [
        time[2],
        time[3],
        time[4],
        time[5],
        time[6],
        time[7],
        0x70 | (r[0] & 0x0f),
        r[1],
        0x80 | (r[2] & 0x3f),
        r[3],
        r[4],
        r[5],
        r[6],
        r[7],
        r[8],
        r[9],
    ]
}

fn write_base32(bytes: [u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bits = u128::from_be_bytes(bytes);
    let mut text = [0; DIGITS];
    for (place, digit) in text.iter_mut().enumerate() {
        *digit = ALPHABET[(bits >> (5 * (DIGITS - 1 - place)) & 31) as usize];
    }
    f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
}

fn read_base32(text: &str) -> Option<[u8; 16]> {
    if text.len() != DIGITS {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |bits, byte| {
            let digit = ALPHABET.iter().position(|&letter| letter == byte.to_ascii_lowercase())?;
            // The first digit holds three bits only; a fourth would fall off the top.
            (bits >> 123 == 0).then_some(bits << 5 | digit as u128)
        })
        .map(u128::to_be_bytes)
}

/// Not an id of the kind that was asked for.
///
/// ```
/// use longhaul_core::RunId;
///
/// let error = "run_7".parse::<RunId>().unwrap_err();
/// assert!(error.to_string().contains("run_7"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id: expected `{prefix}` and 26 characters of 0-9 a-z without i, l, o, u")]
pub struct ParseIdError {
    text: String,
    prefix: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name([u8; 16]);

        impl Ord for $name {
            /// As the bytes do. Two comparisons of numbers instead of a call for 16 bytes: ids are compared wherever there is
            /// an ordered map of runs.
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// A new id: `at` is put in front, so that later ids sort later; `random` must be random, and keeps apart
            /// what is made within the same millisecond.
            pub const fn new(at: Timestamp, random: [u8; 10]) -> Self {
                Self(uuid_v7(at, random))
            }

            /// From the 16 bytes that [`as_bytes`](Self::as_bytes) gave.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes of this id; they sort as ids do.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// When it was made, to the millisecond.
            pub fn created(&self) -> Timestamp {
                let millis = u128::from_be_bytes(self.0) >> 80;
                Timestamp::from_micros(i64::try_from(millis * 1000).unwrap_or(i64::MAX))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                write_base32(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix($prefix)
                    .and_then(read_base32)
                    .map(Self)
                    .ok_or_else(|| ParseIdError { text: text.into(), prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

identifier! {
    /// Names one run, for ever. A UUID version 7, shown as `run_` and 26 characters of base32; ids sort by the
    /// millisecond in which they were made.
    ///
    /// ```
    /// use longhaul_core::{RunId, Timestamp};
    ///
    /// let id = RunId::new(Timestamp::from_micros(1_795_209_600_000_000), [7; 10]);
    /// assert_eq!(id.to_string(), "run_01m7xd9700ew3re1r70w3ge1r7");
    /// assert_eq!(id.to_string().parse(), Ok(id));
    /// ```
    RunId, "run_"
}

identifier! {
    /// Names one incarnation of a server: a process that comes back gets a new one, so that what the old one held can
    /// be told apart from what the new one holds.
    ServerId, "srv_"
}

/// Which attempt at a run this is: it grows with each claim, and every write of an attempt carries it. A store refuses
/// the writes of an old one.
///
/// ```
/// use longhaul_core::Epoch;
///
/// assert_eq!(Epoch(3).next(), Epoch(4));
/// assert!(Epoch(3) < Epoch(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_structs, reason = "it is a number with a name")]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch of the next claim.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_sort_by_time_in_bytes_and_in_text() {
        let early = RunId::new(Timestamp::from_micros(1_000_000), [255; 10]);
        let late = RunId::new(Timestamp::from_micros(1_001_000), [0; 10]);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(late.created(), Timestamp::from_micros(1_001_000));
    }

    #[test]
    fn version_and_variant_are_those_of_uuid_v7() {
        let id = RunId::new(Timestamp::MAX, [255; 10]);
        assert_eq!(id.as_bytes()[6] >> 4, 7);
        assert_eq!(id.as_bytes()[8] >> 6, 0b10);
    }

    #[test]
    fn what_is_no_id_is_refused_with_what_was_expected() {
        for text in [
            "",
            "run_",
            "01m7xd9700ew3re1r70w3ge1r7",
            "run_01m7yge9003r3ge1r70w3ge1r",
            "run_zzzzzzzzzzzzzzzzzzzzzzzzzz",
        ] {
            let error = text.parse::<RunId>().unwrap_err().to_string();
            assert!(error.contains("run_") && error.contains("26 characters"), "{error}");
        }
        assert!("srv_01m7yge9003r3ge1r70w3ge1r7".parse::<RunId>().is_err());
    }

    proptest! {
        #[test]
        fn every_id_is_read_back_from_its_text(bytes: [u8; 16]) {
            let id = RunId::from_bytes(bytes);
            prop_assert_eq!(id.to_string().parse::<RunId>(), Ok(id));
            prop_assert_eq!(id.to_string().to_uppercase().replace("RUN_", "run_").parse::<RunId>(), Ok(id));
        }
    }
}
