//! What attempts said.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::time;
use crate::{
    log::{Log, LogLevel, LogLine},
    time::Timestamp,
};

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(with = "time")]
    at: Timestamp,
    level: LogLevel,
    target: Box<str>,
    text: Box<str>,
}

impl Serialize for LogLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { at, level, target, text } = self.clone();
        Line { at, level, target, text }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LogLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Line { at, level, target, text } = Line::deserialize(deserializer)?;
        Ok(Self::new(at, level, &target, &text))
    }
}

#[derive(Serialize)]
struct View<'a> {
    attempts: &'a [u32],
    attempt: Option<u32>,
    /// Which line of the attempt the first one is, and what to ask for to read on.
    first: u64,
    next: u64,
    lines: &'a [LogLine],
}

impl Serialize for Log {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        View {
            attempts: &self.attempts,
            attempt: self.attempt,
            first: self.first,
            next: self.next(),
            lines: &self.lines,
        }
        .serialize(serializer)
    }
}
