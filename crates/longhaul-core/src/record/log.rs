//! A page of the log of an attempt. Frozen.
//!
//! ```text
//! 01 | page: bincode, standard configuration | CRC-32 of the key and all bytes before, little-endian
//! ```

use serde::{Deserialize, Serialize};

use super::{
    bytes::{VERSION, checksum, read_next, versioned},
    damage::Damage,
};
use crate::{
    id::Epoch,
    log::{LogLevel, LogLine, LogPage},
    time::Timestamp,
};

#[derive(Serialize, Deserialize)]
struct PageV1 {
    attempt: u32,
    number: u32,
    first: u64,
    lines: Vec<LineV1>,
}

#[derive(Serialize, Deserialize)]
struct LineV1 {
    at: i64,
    level: LevelV1,
    target: Box<str>,
    text: Box<str>,
}

#[derive(Serialize, Deserialize)]
enum LevelV1 {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Encodes a page of the log of the attempt `epoch` that is kept under `key`. The longest has less than 4 KiB.
///
/// ```
/// use longhaul_core::{Epoch, LogPage, record::{read_log, write_log}};
///
/// let page = LogPage { number: 1, first: 32, lines: Vec::new() };
/// let bytes = write_log(b"key", Epoch(3), page.clone());
/// assert_eq!(read_log(b"key", &bytes), Ok((Epoch(3), page)));
/// ```
pub fn write_log(key: &[u8], epoch: Epoch, page: LogPage) -> Vec<u8> {
    let lines = page.lines.into_iter().map(|line| LineV1 {
        at: line.at.as_micros(),
        level: LevelV1::of(line.level),
        target: line.target,
        text: line.text,
    });
    let page = PageV1 { attempt: epoch.0, number: page.number, first: page.first, lines: lines.collect() };
    let mut bytes = versioned(&page);
    let checksum = checksum(key, &bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads the page of a log that is kept under `key`. Bytes that were written under another key are an error.
///
/// ```
/// use longhaul_core::{Epoch, LogPage, record::{read_log, write_log}};
///
/// let bytes = write_log(b"key", Epoch(3), LogPage { number: 1, first: 32, lines: Vec::new() });
/// assert!(read_log(b"another key", &bytes).is_err());
/// ```
pub fn read_log(key: &[u8], bytes: &[u8]) -> Result<(Epoch, LogPage), Damage> {
    let damaged = |reason: &str| Damage::of(format!("the page of a log {}", key.escape_ascii()), reason);
    let (body, stored) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("it is cut short"))?;
    if u32::from_le_bytes(*stored) != checksum(key, body) {
        return Err(damaged("its checksum is wrong"));
    }
    let page = body.strip_prefix(&[VERSION]).ok_or_else(|| damaged("it has another format than 1"))?;
    let (page, _) = read_next::<PageV1>(page).map_err(|error| damaged(&error))?;
    let lines = page.lines.into_iter().map(|line| LogLine {
        at: Timestamp::from_micros(line.at),
        level: line.level.back(),
        target: line.target,
        text: line.text,
    });
    Ok((Epoch(page.attempt), LogPage { number: page.number, first: page.first, lines: lines.collect() }))
}

impl LevelV1 {
    const fn of(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }

    const fn back(self) -> LogLevel {
        match self {
            Self::Error => LogLevel::Error,
            Self::Warn => LogLevel::Warn,
            Self::Info => LogLevel::Info,
            Self::Debug => LogLevel::Debug,
            Self::Trace => LogLevel::Trace,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the embedded store takes as one value.
    const VALUE_MAX: usize = 4096;

    fn full(text: &str) -> LogPage {
        let mut page = LogPage { number: u32::MAX - 1, first: u64::MAX / 2, lines: Vec::new() };
        let line = || LogLine::new(Timestamp::from_micros(i64::MIN), LogLevel::Trace, "", text);
        while page.push(line()).is_none() {}
        page
    }

    #[test]
    fn a_full_page_fits_into_a_value_and_is_read_back() {
        for text in ["", "x", &"ä".repeat(400)] {
            let page = full(text);
            let bytes = write_log(b"key", Epoch(u32::MAX), page.clone());
            assert!(bytes.len() <= VALUE_MAX, "{} bytes", bytes.len());
            assert_eq!(read_log(b"key", &bytes), Ok((Epoch(u32::MAX), page)));
        }
    }

    #[test]
    fn the_bytes_of_a_page_are_frozen() {
        let lines = vec![LogLine::new(Timestamp::from_micros(1), LogLevel::Warn, "t", "hi")];
        let bytes = write_log(b"key", Epoch(3), LogPage { number: 1, first: 2, lines });
        assert_eq!(bytes[..bytes.len() - 4], *b"\x01\x03\x01\x02\x01\x02\x01\x01t\x02hi");
    }

    #[test]
    fn bytes_that_were_not_written_are_noticed() {
        let bytes = write_log(b"key", Epoch(3), full("text"));
        assert!(read_log(b"another", &bytes).is_err());
        for at in [0, 10, bytes.len() - 1] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert!(read_log(b"key", &flipped).is_err(), "{at}");
        }
        assert!(read_log(b"key", b"1").is_err());
    }
}
