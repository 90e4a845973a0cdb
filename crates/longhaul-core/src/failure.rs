//! What went wrong, as data that is kept with the run.

use std::fmt;

use crate::{
    envelope::Envelope,
    limits::{FAILURE_DETAILS_MAX, FAILURE_MESSAGE_MAX, cut},
    time::Timestamp,
};

/// Why an attempt failed.
///
/// ```
/// use longhaul_core::Cause;
///
/// assert_eq!(Cause::Timeout.as_str(), "timeout");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The task returned an error.
    Error,
    /// The task panicked.
    Panic,
    /// The attempt ran longer than the run's timeout.
    Timeout,
    /// The process that executed it died, or its lease ran out.
    Crash,
    /// The run was suspended, and nobody proceeded it before its deadline.
    Deadline,
}

impl Cause {
    /// One word, as it is shown and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Timeout => "timeout",
            Self::Crash => "crash",
            Self::Deadline => "deadline",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One failed attempt: what is told to people, and the typed error for code.
///
/// ```
/// use longhaul_core::{Cause, Epoch, FailedAttempt, Timestamp, doc};
///
/// let failure = FailedAttempt::new(Cause::Error, "no route to host", 3, Timestamp::EPOCH)
///     .with_details("at src/main.rs:7")
///     .with_error(doc::value());
/// assert_eq!((&*failure.message, failure.attempt), ("no route to host", 3));
/// assert!(failure.error.is_some());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores and tests build it, and a field that one of them leaves out should not compile"
)]
pub struct FailedAttempt {
    /// Why it failed.
    pub cause: Cause,
    /// What the error, the panic or longhaul said. At most 8 KiB.
    pub message: Box<str>,
    /// A panic's place and backtrace. At most 16 KiB.
    pub details: Option<Box<str>>,
    /// The task's own error, typed, if it gave one.
    pub error: Option<Envelope>,
    /// Which attempt it was, counted from 1.
    pub attempt: u32,
    /// When it failed.
    pub at: Timestamp,
}

impl FailedAttempt {
    /// A failure of `attempt`, its message cut to 8 KiB.
    pub fn new(cause: Cause, message: &str, attempt: u32, at: Timestamp) -> Self {
        Self { cause, message: cut(message, FAILURE_MESSAGE_MAX).into(), details: None, error: None, attempt, at }
    }

    /// With details, cut to 16 KiB.
    #[must_use]
    pub fn with_details(mut self, details: &str) -> Self {
        self.details = Some(cut(details, FAILURE_DETAILS_MAX).into());
        self
    }

    /// With the task's own error.
    #[must_use]
    pub fn with_error(mut self, error: Envelope) -> Self {
        self.error = Some(error);
        self
    }
}

impl fmt::Display for FailedAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in attempt {}: {}", self.cause, self.attempt, self.message)
    }
}
