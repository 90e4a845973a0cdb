//! A page of the log of an attempt. Format 1, frozen:
//!
//! ```text
//! 01 | page: bincode, standard configuration | crc32 of the key and all before, LE
//! ```

use longhaul_core::{Epoch, LogLevel, LogLine, LogPage, Timestamp};
use serde::{Deserialize, Serialize};

use super::Damage;

const VERSION: u8 = 1;
const CONFIG: bincode::config::Configuration = bincode::config::standard();

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

pub(crate) fn write_log(key: &[u8], epoch: Epoch, page: LogPage) -> Vec<u8> {
    let lines = page.lines.into_iter().map(|line| LineV1 {
        at: line.at.as_micros(),
        level: LevelV1::of(line.level),
        target: line.target,
        text: line.text,
    });
    let page = PageV1 { attempt: epoch.0, number: page.number, first: page.first, lines: lines.collect() };
    let mut bytes = vec![VERSION];
    bincode::serde::encode_into_std_write(&page, &mut bytes, CONFIG).expect("our own records can be encoded");
    let checksum = checksum(key, &bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

pub(crate) fn read_log(key: &[u8], bytes: &[u8]) -> Result<(Epoch, LogPage), Damage> {
    let damaged = |reason: &str| Damage::of(format!("the page of a log {}", key.escape_ascii()), reason);
    let (body, stored) = bytes.split_last_chunk::<4>().ok_or_else(|| damaged("it is cut short"))?;
    if u32::from_le_bytes(*stored) != checksum(key, body) {
        return Err(damaged("its checksum is another one"));
    }
    let page = body.strip_prefix(&[VERSION]).ok_or_else(|| damaged("it has another format than 1"))?;
    let (page, _): (PageV1, usize) =
        bincode::serde::decode_from_slice(page, CONFIG).map_err(|error| damaged(&error.to_string()))?;
    let lines = page.lines.into_iter().map(|line| LogLine {
        at: Timestamp::from_micros(line.at),
        level: line.level.back(),
        target: line.target,
        text: line.text,
    });
    Ok((Epoch(page.attempt), LogPage { number: page.number, first: page.first, lines: lines.collect() }))
}

fn checksum(key: &[u8], body: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(key);
    hash.update(body);
    hash.finalize()
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
    use crate::kv::VALUE_MAX;

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
    fn other_bytes_than_those_that_were_written_are_told_apart() {
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
