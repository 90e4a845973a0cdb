//! The pause and the limits of a queue or a kind. Frozen; a change gets another version byte.
//!
//! ```text
//! 01 | control: bincode, standard configuration | CRC-32 of the key and all bytes before, little-endian
//! 02 | control | more: bincode | CRC-32      if there is something that version 1 has no place for
//! 03 | control | more: bincode | CRC-32      and if version 2 has none, which is what a queue says of its order
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    bytes::{VERSION, append, checksum, read_next, versioned},
    damage::Damage,
};
use crate::{
    admission::{
        controls::{Ageing, Control, Limits, Paused},
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

/// What version 2 of a control has beyond version 1.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct MoreV1 {
    paused_until: Option<i64>,
}

/// What version 3 of a control has beyond version 1.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct MoreV2 {
    paused_until: Option<i64>,
    declared: OrderV1,
    set: OrderV1,
}

/// What limits say of the order of runs.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
struct OrderV1 {
    ageing: Option<Duration>,
    fair_by_key: bool,
}

/// What a control has beyond version 1, in the oldest version that has a place for it.
pub(super) enum More {
    Nothing,
    V1(MoreV1),
    V2(MoreV2),
}

impl More {
    pub(super) fn of(control: &Control) -> Self {
        let until = control.paused.as_ref().and_then(|paused| paused.until);
        let paused_until = until.map(Timestamp::as_micros);
        let declared = OrderV1::of(&control.declared);
        let set = control.set.as_ref().map_or_else(OrderV1::default, OrderV1::of);
        if (&declared, &set) != (&OrderV1::default(), &OrderV1::default()) {
            Self::V2(MoreV2 { paused_until, declared, set })
        } else if paused_until.is_some() {
            Self::V1(MoreV1 { paused_until })
        } else {
            Self::Nothing
        }
    }
}

impl From<MoreV1> for MoreV2 {
    fn from(MoreV1 { paused_until }: MoreV1) -> Self {
        Self { paused_until, ..Self::default() }
    }
}

impl OrderV1 {
    fn of(limits: &Limits) -> Self {
        Self { ageing: limits.ageing.map(|ageing| ageing.step()), fair_by_key: limits.fair_by_key }
    }

    fn put(&self, limits: Limits) -> Result<Limits, String> {
        let ageing = self.ageing.map(Ageing::new).transpose().map_err(|error| error.to_string())?;
        Ok(Limits { ageing, fair_by_key: self.fair_by_key, ..limits })
    }
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

    pub(super) fn back(self, more: &MoreV2) -> Result<Control, String> {
        let Self { paused, declared, set } = self;
        Ok(Control {
            paused: paused.map(|paused| Paused {
                at: Timestamp::from_micros(paused.at),
                by: paused.by,
                why: paused.why,
                until: more.paused_until.map(Timestamp::from_micros),
            }),
            declared: more.declared.put(declared.back()?)?,
            set: set.map(|set| more.set.put(set.back()?)).transpose()?,
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
            ..Limits::NONE
        })
    }
}

/// The first byte of a control that has more than version 1.
const WITH_MORE: u8 = 2;
/// The first byte of one that has more than version 2.
const WITH_ORDER: u8 = 3;

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
    match More::of(control) {
        More::Nothing => {}
        More::V1(more) => {
            bytes[0] = WITH_MORE;
            append(&mut bytes, &more);
        }
        More::V2(more) => {
            bytes[0] = WITH_ORDER;
            append(&mut bytes, &more);
        }
    }
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
    let (&version, body) = body.split_first().ok_or_else(|| damaged("it is cut short"))?;
    let (frozen, mut rest) = read_next::<ControlV1>(body).map_err(|error| damaged(&error))?;
    let mut more = MoreV2::default();
    match version {
        VERSION => {}
        WITH_MORE => {
            let (more_v1, left) = read_next::<MoreV1>(rest).map_err(|error| damaged(&error))?;
            (more, rest) = (more_v1.into(), left);
        }
        WITH_ORDER => (more, rest) = read_next::<MoreV2>(rest).map_err(|error| damaged(&error))?,
        _ => return Err(damaged(&format!("it has format {version}, and this code reads up to {WITH_ORDER}"))),
    }
    if !rest.is_empty() {
        return Err(damaged("bytes are left over"));
    }
    frozen.back(&more).map_err(|error| damaged(&error))
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
    fn a_pause_that_ends_by_itself_is_version_2_which_is_frozen() {
        let mut control = control();
        control.paused.iter_mut().for_each(|paused| paused.until = Some(Timestamp::from_micros(9)));
        let bytes = write_control(b"gqdefault", &control);
        assert_eq!(bytes[0], 2);
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(hex, include_str!("../../tests/golden/record/control_2.hex").trim_end());
        assert_eq!(read_control(b"gqdefault", &bytes), Ok(control.clone()));
        let scope = crate::Scope::Queue(crate::Queue::default());
        let line = crate::record::control_line(&scope, &control);
        assert!(line.contains("control_2"), "older code does not take it for one without an end: {line}");
        assert_eq!(crate::record::read_line(&line), Ok(crate::record::Line::Control(scope, control)));
    }

    #[test]
    fn a_queue_that_says_something_of_its_order_is_version_3_which_is_frozen() {
        let mut control = control();
        control.paused.iter_mut().for_each(|paused| paused.until = Some(Timestamp::from_micros(9)));
        control.declared.ageing = Some(Ageing::new(Duration::from_millis(90_500)).unwrap());
        control.set.iter_mut().for_each(|set| set.fair_by_key = true);
        let bytes = write_control(b"gqdefault", &control);
        assert_eq!(bytes[0], 3);
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert_eq!(hex, include_str!("../../tests/golden/record/control_3.hex").trim_end());
        assert_eq!(read_control(b"gqdefault", &bytes), Ok(control.clone()));
        let scope = crate::Scope::Queue(crate::Queue::default());
        let line = crate::record::control_line(&scope, &control);
        assert!(line.contains("control_3"), "older code does not take it for one without an order: {line}");
        assert_eq!(crate::record::read_line(&line), Ok(crate::record::Line::Control(scope, control)));
        let mut later = bytes;
        later[0] = 4;
        let end = later.len() - 4;
        let sum = checksum(b"gqdefault", &later[..end]);
        later[end..].copy_from_slice(&sum.to_le_bytes());
        let refused = read_control(b"gqdefault", &later).unwrap_err();
        assert!(refused.to_string().contains("it has format 4"), "{refused}");
    }

    #[test]
    fn a_limit_key_is_a_scope_of_its_own_in_an_export() {
        let paused = Paused { until: Some(Timestamp::from_micros(9)), ..Paused::new(Timestamp::EPOCH, "a run", None) };
        let control = Control { paused: Some(paused), ..Control::default() };
        let scope = crate::Scope::LimitKey(crate::Kind::new("mail").unwrap(), crate::Key::new("customer: 7").unwrap());
        let line = crate::record::control_line(&scope, &control);
        assert!(
            line.contains(r#""scope":{"limit_key":["mail","customer: 7"]}"#),
            "older code has no such scope: {line}"
        );
        assert_eq!(crate::record::read_line(&line), Ok(crate::record::Line::Control(scope, control)));
        let wrong = line.replace("mail", "two words");
        assert!(crate::record::read_line(&wrong).is_err());
    }

    #[test]
    fn the_bytes_of_a_control_are_frozen() {
        let hex = include_str!("../../tests/golden/record/control.hex").trim_end();
        let frozen: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert_eq!(write_control(b"gqdefault", &control()), frozen);
    }
}
