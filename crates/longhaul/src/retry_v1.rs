//! A retry policy as it is kept in JSON. Frozen, as what it is part of.

use std::time::Duration;

use longhaul_core::{Backoff, Resume, RetryPolicy};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryV1 {
    attempts_max: u32,
    crashes_max: u32,
    from_the_start: bool,
    backoff: BackoffV1,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum BackoffV1 {
    Fixed { micros: u64 },
    Exponential { base_micros: u64, factor: f64, max_micros: u64, jitter: f64 },
    Delays { micros: Vec<u64> },
}

impl From<RetryPolicy> for RetryV1 {
    fn from(policy: RetryPolicy) -> Self {
        Self {
            attempts_max: policy.attempts_max,
            crashes_max: policy.crashes_max,
            from_the_start: policy.resume == Resume::FromTheStart,
            backoff: match policy.backoff {
                Backoff::Fixed(wait) => BackoffV1::Fixed { micros: micros(wait) },
                Backoff::Exponential { base, factor, max, jitter } => {
                    BackoffV1::Exponential { base_micros: micros(base), factor, max_micros: micros(max), jitter }
                }
                Backoff::Delays(delays) => BackoffV1::Delays { micros: delays.iter().copied().map(micros).collect() },
            },
        }
    }
}

impl TryFrom<RetryV1> for RetryPolicy {
    type Error = String;

    fn try_from(stored: RetryV1) -> Result<Self, String> {
        let policy = Self {
            attempts_max: stored.attempts_max,
            crashes_max: stored.crashes_max,
            resume: if stored.from_the_start { Resume::FromTheStart } else { Resume::FromCheckpoint },
            backoff: match stored.backoff {
                BackoffV1::Fixed { micros } => Backoff::Fixed(Duration::from_micros(micros)),
                BackoffV1::Exponential { base_micros, factor, max_micros, jitter } => {
                    let (base, max) = (Duration::from_micros(base_micros), Duration::from_micros(max_micros));
                    Backoff::Exponential { base, factor, max, jitter }
                }
                BackoffV1::Delays { micros } => {
                    Backoff::Delays(micros.into_iter().map(Duration::from_micros).collect())
                }
            },
        };
        policy.check().map_err(|error| error.to_string())?;
        Ok(policy)
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
