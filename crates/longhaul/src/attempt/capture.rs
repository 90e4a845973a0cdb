//! The execution metadata of a context, whatever its type.

use longhaul_core::{Envelope, Progress};

/// Reads the execution metadata of a context, whatever its type.
pub(crate) trait Capture: Send + Sync {
    /// The execution metadata as it is now, if it is newer than what is kept.
    fn capture(&self) -> Result<Option<Captured>, CaptureError>;

    /// The same for an attempt that ends with success, which acknowledges the values that the task has taken from its
    /// inbox. If it is not kept after all, nothing is acknowledged.
    fn capture_end(&self) -> Result<Option<Captured>, CaptureError>;

    /// Acknowledges the values that the task has taken from its inbox: they are kept with the next capture.
    fn account(&self);

    /// What was captured as `generation` is kept.
    fn kept(&self, generation: u64);

    /// It is not known whether something was kept: nothing is captured any more, since it could be older.
    fn close(&self);
}

/// Execution metadata to be kept.
pub(crate) struct Captured {
    pub(crate) value: Envelope,
    /// The numbers of the messages sent to the run that went into it.
    pub(crate) taken: Vec<u64>,
    /// How many changes it holds.
    pub(crate) generation: u64,
}

/// Execution metadata that cannot be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaptureError {
    /// A closure handed to `update` panicked and may have left it half changed: what was kept before stands.
    #[error("a panic left the execution metadata half changed")]
    Torn,
    /// It is not known what was kept before; it stands, whatever it is.
    #[error("it is not known whether a transaction with the execution metadata was committed")]
    Unknown,
    /// It cannot be encoded, or is too large.
    #[error("{0}")]
    Refused(String),
}

/// What is kept with the settlement of an attempt.
#[derive(Debug, Default)]
pub(crate) struct FinalState {
    pub(crate) execution_metadata: Option<(u32, Envelope)>,
    pub(crate) taken: Vec<u64>,
    pub(crate) progress: Option<Progress>,
    /// The execution metadata cannot be kept.
    pub(crate) refused: Option<String>,
}
