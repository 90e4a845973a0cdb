//! How a run ended. Frozen: a version byte of 1, then the value.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{
    blob::Blob,
    bytes::{read_versioned, versioned},
};
use crate::{
    envelope::Envelope,
    failure::{Cause, FailedAttempt},
    run::Ended,
    time::Timestamp,
};

#[derive(Serialize, Deserialize)]
enum EndedV1<'a> {
    #[serde(borrow)]
    Completed(Blob<'a>),
    #[serde(borrow)]
    Failed(FailureV1<'a>),
    Cancelled {
        reason: Option<Box<str>>,
        #[serde(borrow)]
        error: Option<Blob<'a>>,
    },
    Incompatible(Box<str>),
}

#[derive(Serialize, Deserialize)]
struct FailureV1<'a> {
    cause: CauseV1,
    #[serde(borrow)]
    message: Cow<'a, str>,
    details: Option<Box<str>>,
    #[serde(borrow)]
    error: Option<Blob<'a>>,
    attempt: u32,
    at: i64,
}

#[derive(Serialize, Deserialize)]
enum CauseV1 {
    Error,
    Panic,
    Timeout,
    Crash,
    /// Added later.
    Deadline,
}

fn blob(envelope: &Envelope) -> Blob<'_> {
    Blob(Cow::Borrowed(envelope.as_bytes()))
}

fn envelope(blob: &Blob<'_>) -> Result<Envelope, String> {
    Envelope::from_bytes(blob.0.to_vec()).map_err(|error| error.to_string())
}

pub(super) fn ended_bytes(ended: &Ended) -> Vec<u8> {
    versioned(&match ended {
        Ended::Completed(result) => EndedV1::Completed(blob(result)),
        Ended::Failed(failure) => EndedV1::Failed(FailureV1 {
            cause: CauseV1::of(failure.cause),
            message: Cow::Borrowed(&failure.message),
            details: failure.details.clone(),
            error: failure.error.as_ref().map(blob),
            attempt: failure.attempt,
            at: failure.at.as_micros(),
        }),
        Ended::Cancelled { reason, error } => {
            EndedV1::Cancelled { reason: reason.clone(), error: error.as_ref().map(blob) }
        }
        Ended::Incompatible(why) => EndedV1::Incompatible(why.clone()),
    })
}

pub(super) fn read_ended(bytes: &[u8]) -> Result<Ended, String> {
    Ok(match read_versioned::<EndedV1<'_>>(bytes)? {
        EndedV1::Completed(result) => Ended::Completed(envelope(&result)?),
        EndedV1::Failed(FailureV1 { cause, message, details, error, attempt, at }) => Ended::Failed(FailedAttempt {
            cause: cause.back(),
            message: message.into(),
            details,
            error: error.as_ref().map(envelope).transpose()?,
            attempt,
            at: Timestamp::from_micros(at),
        }),
        EndedV1::Cancelled { reason, error } => {
            Ended::Cancelled { reason, error: error.as_ref().map(envelope).transpose()? }
        }
        EndedV1::Incompatible(why) => Ended::Incompatible(why),
    })
}

impl CauseV1 {
    const fn of(cause: Cause) -> Self {
        match cause {
            Cause::Error => Self::Error,
            Cause::Panic => Self::Panic,
            Cause::Timeout => Self::Timeout,
            Cause::Crash => Self::Crash,
            Cause::Deadline => Self::Deadline,
        }
    }

    const fn back(self) -> Cause {
        match self {
            Self::Error => Cause::Error,
            Self::Panic => Cause::Panic,
            Self::Timeout => Cause::Timeout,
            Self::Crash => Cause::Crash,
            Self::Deadline => Cause::Deadline,
        }
    }
}
