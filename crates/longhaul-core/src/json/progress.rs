//! How far a run is.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::seconds;
use crate::progress::Progress;

/// `fraction` and `left_seconds` follow from the rest: they are there for readers, and read by nobody of ours.
#[derive(Serialize, Deserialize)]
struct View {
    step: Box<str>,
    done: u64,
    total: Option<u64>,
    unit: Box<str>,
    message: Box<str>,
    rate: Option<f64>,
    fraction: Option<f64>,
    left_seconds: Option<f64>,
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (fraction, left_seconds) = (self.fraction(), self.time_left().map(seconds));
        let Self { step, done, total, unit, message, rate } = self.clone();
        View { step, done, total, unit, message, rate, fraction, left_seconds }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Progress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let View { step, done, total, unit, message, rate, .. } = View::deserialize(deserializer)?;
        Ok(Self { step, done, total, unit, message, rate })
    }
}
