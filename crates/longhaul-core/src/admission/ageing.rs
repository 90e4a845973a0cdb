//! How priority grows with the time that a run has waited.

use std::{fmt, time::Duration};

use crate::{run::Priority, time::Timestamp};

/// The priority of a run that waits grows by one level each so long, so that a run of low priority begins in bounded time.
///
/// Two runs that wait grow alike, so which of them goes first does not depend on the time: it is the one with the earlier
/// `since - priority × step`.
///
/// ```
/// use longhaul_core::control::Ageing;
/// use std::time::Duration;
///
/// let ageing = Ageing::new(Duration::from_secs(60))?;
/// assert_eq!(ageing.to_string(), "one level per 60s");
/// assert!(Ageing::new(Duration::ZERO).unwrap_err().to_string().contains("from 1 ms to 366 days"));
/// # Ok::<(), longhaul_core::control::AgeingError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ageing {
    step: Duration,
}

/// A step that priority cannot grow by.
///
/// ```
/// use longhaul_core::control::{Ageing, AgeingError};
/// use std::time::Duration;
///
/// assert_eq!(Ageing::new(Duration::ZERO), Err(AgeingError(Duration::ZERO)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("priority cannot grow by one level per {0:?}: the step must be from 1 ms to 366 days")]
#[expect(clippy::exhaustive_structs, reason = "it is a duration with a name")]
pub struct AgeingError(pub Duration);

impl Ageing {
    const STEP_MIN: Duration = Duration::from_millis(1);
    const STEP_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// One level per `step`, 1 ms to 366 days.
    pub fn new(step: Duration) -> Result<Self, AgeingError> {
        if (Self::STEP_MIN..=Self::STEP_MAX).contains(&step) { Ok(Self { step }) } else { Err(AgeingError(step)) }
    }

    /// How long a run waits for one level.
    pub const fn step(&self) -> Duration {
        self.step
    }

    /// When a run of priority 0 would have had to begin to wait to be where this one is: the earlier, the sooner it goes.
    pub(super) fn virtual_since(&self, since: Timestamp, priority: Priority) -> Timestamp {
        // At most 128 times a year: far from what 64 bits hold.
        let ahead = i64::from(priority.0) * self.step.as_micros() as i64;
        Timestamp::from_micros(since.as_micros().saturating_sub(ahead))
    }
}

impl fmt::Display for Ageing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one level per {:?}", self.step)
    }
}
