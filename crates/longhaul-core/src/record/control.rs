//! The pause and the limits of a queue or a kind. Frozen; a change gets another version byte.
//!
//! ```text
//! 01 | control: bincode, standard configuration | CRC-32 of the key and all bytes before, little-endian
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    bytes::{VERSION, checksum, read_next, versioned},
    damage::Damage,
};
use crate::{
    admission::{
        controls::{Control, Limits, Paused},
        rate::Rate,
    },
    time::Timestamp,
};

/// In an export too, as text.
#[derive(Serialize, Deserialize)]
pub(super) struct ControlV1 {
    paused: Option<PausedV1>,
    declared: LimitsV1,
    set: Option<LimitsV1>,
}

#[derive(Serialize, Deserialize)]
struct PausedV1 {
    at: i64,
    by: Box<str>,
    why: Option<Box<str>>,
}

#[derive(Serialize, Deserialize)]
struct LimitsV1 {
    running: Option<u32>,
    per_key: Option<u32>,
    rate: Option<(u32, Duration)>,
    rate_per_key: Option<(u32, Duration)>,
    weight: Option<u16>,
}

impl ControlV1 {
    pub(super) fn of(control: &Control) -> Self {
        let paused =
            |paused: &Paused| PausedV1 { at: paused.at.as_micros(), by: paused.by.clone(), why: paused.why.clone() };
        Self {
            paused: control.paused.as_ref().map(paused),
            declared: LimitsV1::of(control.declared),
            set: control.set.map(LimitsV1::of),
        }
    }

    pub(super) fn back(self) -> Result<Control, String> {
        let Self { paused, declared, set } = self;
        Ok(Control {
            paused: paused.map(|paused| Paused {
                at: Timestamp::from_micros(paused.at),
                by: paused.by,
                why: paused.why,
            }),
            declared: declared.back()?,
            set: set.as_ref().map(LimitsV1::back).transpose()?,
        })
    }
}

impl LimitsV1 {
    fn of(limits: Limits) -> Self {
        let rate = |rate: Rate| (rate.max(), rate.per());
        Self {
            running: limits.running,
            per_key: limits.per_key,
            rate: limits.rate.map(rate),
            rate_per_key: limits.rate_per_key.map(rate),
            weight: limits.weight,
        }
    }

    fn back(&self) -> Result<Limits, String> {
        let rate = |(max, per)| Rate::new(max, per).map_err(|error| error.to_string());
        Ok(Limits {
            running: self.running,
            per_key: self.per_key,
            rate: self.rate.map(rate).transpose()?,
            rate_per_key: self.rate_per_key.map(rate).transpose()?,
            weight: self.weight,
        })
    }
}

/// Encodes a control that is kept under `key`.
///
/// ```
/// use longhaul_core::{Control, record::{read_control, write_control}};
///
/// let bytes = write_control(b"queue default", &Control::default());
/// assert_eq!(read_control(b"queue default", &bytes), Ok(Control::default()));
/// assert!(read_control(b"queue other", &bytes).is_err());
/// ```
pub fn write_control(key: &[u8], control: &Control) -> Vec<u8> {
    let mut bytes = versioned(&ControlV1::of(control));
    let checksum = checksum(key, &bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads the control that is kept under `key`. Bytes that were written under another key are an error.
///
/// ```
/// use longhaul_core::{Control, record::{read_control, write_control}};
///
/// let mut bytes = write_control(b"queue default", &Control::default());
/// bytes[1] ^= 1;
/// assert!(read_control(b"queue default", &bytes).is_err());
/// ```
pub fn read_control(key: &[u8], bytes: &[u8]) -> Result<Control, Damage> {
    let damaged = |reason: &str| Damage::of(format!("the control {}", key.escape_ascii()), reason);
    let (body, stored) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("it is cut short"))?;
    if checksum(key, body) != u32::from_le_bytes(*stored) {
        return Err(damaged("its checksum is wrong"));
    }
    let body = body.strip_prefix(&[VERSION]).ok_or_else(|| damaged("it has another format than 1"))?;
    let (frozen, rest) = read_next::<ControlV1>(body).map_err(|error| damaged(&error))?;
    if !rest.is_empty() {
        return Err(damaged("bytes are left over"));
    }
    frozen.back().map_err(|error| damaged(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> Control {
        let rate = Rate::new(100, Duration::from_secs(60)).unwrap();
        Control {
            paused: Some(Paused::new(Timestamp::from_micros(7), "ann", Some("the disk is full"))),
            declared: Limits { running: Some(8), rate: Some(rate), ..Limits::NONE },
            set: Some(Limits { per_key: Some(1), rate_per_key: Some(rate), weight: Some(3), ..Limits::NONE }),
        }
    }

    #[test]
    fn a_control_is_read_back_and_damage_is_noticed() {
        let bytes = write_control(b"gqdefault", &control());
        assert_eq!(read_control(b"gqdefault", &bytes), Ok(control()));
        assert!(read_control(b"gqother", &bytes).is_err());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(read_control(b"gqdefault", &damaged).is_err(), "byte {at}");
            assert!(read_control(b"gqdefault", &bytes[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_bytes_of_a_control_are_frozen() {
        let hex = include_str!("../../tests/golden/record/control.hex").trim_end();
        let frozen: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert_eq!(write_control(b"gqdefault", &control()), frozen);
    }
}
