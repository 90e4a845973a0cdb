//! The JSON that is shown of runs: by an endpoint of your own, by a dashboard, by a command line.
//!
//! `serde` impls of what is read from a store give one form, whatever shows it:
//!
//! - Names of fields, states, causes and transitions are in `snake_case`.
//! - Times are RFC 3339 in UTC, ids are text, as their `Display` is: `"2027-01-15T08:00:00Z"`, `"run_01m…"`.
//! - Durations are numbers of seconds, and the names of their fields end in `_seconds`.
//! - What is not known is `null`; no field is left out.
//! - What has a sentence for people has it in `text`, beside the fields for programs.
//! - The user's values (metadata, execution metadata, result, typed error) are not in it: what of them may be shown is
//!   for the application to say.
//!
//! Fields and variants may be added in later versions, and none is renamed or taken away without a new major version:
//! a reader ignores what it does not know. `tests/golden/json/` holds each of them.
//!
//! ```
//! use longhaul_core::{StateKind, doc};
//!
//! let run = serde_json::to_value(doc::run())?;
//! assert_eq!(run["state"], "pending");
//! assert_eq!(run["created"], "2027-01-15T08:00:00Z");
//! assert_eq!(serde_json::to_string(&StateKind::Failed)?, r#""failed""#);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! [`Timestamp`] itself is a number of microseconds when it is serialized, which is how it is stored in values. For a
//! field of your own that is shown in this form there is [`time`]:
//!
//! ```
//! use longhaul_core::Timestamp;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Export {
//!     #[serde(with = "longhaul_core::json::time")]
//!     finished: Timestamp,
//! }
//! # let export = Export { finished: Timestamp::EPOCH };
//! # assert_eq!(serde_json::to_string(&export)?, r#"{"finished":"1970-01-01T00:00:00Z"}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod control;
mod explanation;
mod history;
mod log;
mod progress;
mod run;
mod word;

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::time::Timestamp;

/// For `#[serde(with = "…")]`: a [`Timestamp`] as RFC 3339.
pub mod time {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::time::Timestamp;

    /// Writes it as text.
    ///
    /// ```
    /// let mut text = Vec::new();
    /// let at = longhaul_core::Timestamp::EPOCH;
    /// longhaul_core::json::time::serialize(&at, &mut serde_json::Serializer::new(&mut text))?;
    /// assert_eq!(text, br#""1970-01-01T00:00:00Z""#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    /// Reads it back.
    ///
    /// ```
    /// let text = &mut serde_json::Deserializer::from_str(r#""1970-01-01T00:00:01Z""#);
    /// assert_eq!(longhaul_core::json::time::deserialize(text)?.as_micros(), 1_000_000);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A time, as it is shown.
#[derive(Clone, Copy)]
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A duration, as it is shown.
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
