//! The fields of a record that have types of their own. Frozen as the record is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    code::CodeMark,
    event::StopRequest,
    id::ServerId,
    progress::Progress,
    retry::{Backoff, Resume, RetryPolicy},
    run::{Counts, LastEnd},
    state::{State, Waiting},
    time::Timestamp,
};

#[derive(Serialize, Deserialize)]
pub(super) enum StateV1 {
    Pending { due: i64 },
    Running { server: ServerId },
    Retrying { due: i64 },
    Suspended { until: Option<i64> },
    Completed,
    Failed,
    Cancelled,
    Incompatible { by: u32 },
}

#[derive(Serialize, Deserialize)]
pub(super) struct PolicyV1 {
    attempts_max: u32,
    crashes_max: u32,
    backoff: BackoffV1,
    from_the_start: bool,
}

#[derive(Serialize, Deserialize)]
enum BackoffV1 {
    Fixed(Duration),
    Exponential { base: Duration, factor: f64, max: Duration, jitter: f64 },
    Delays(Vec<Duration>),
}

#[derive(Serialize, Deserialize)]
pub(super) enum LastEndV1 {
    Never,
    Interrupted,
    Crashed,
    Failed,
    Suspended,
    Incompatible,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CountsV1 {
    failures: u32,
    crashes: u32,
    interruptions: u32,
    suspensions: u32,
    restarts_without_progress: u32,
}

#[derive(Serialize, Deserialize)]
pub(super) enum StopRequestV1 {
    Cancel { reason: Option<Box<str>> },
    Suspend { reason: Option<Box<str>> },
}

#[derive(Serialize, Deserialize)]
pub(super) struct ProgressV1 {
    step: Box<str>,
    done: u64,
    total: Option<u64>,
    message: Box<str>,
}

/// The rest of a progress. It was added later and stands behind the record, if there is any.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct PaceV1 {
    unit: Box<str>,
    rate: Option<f64>,
}

/// When a run is to go on once it suspends, if not at once. It was added later still.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PendingProceedV1 {
    pub(super) at: i64,
}

impl StopRequestV1 {
    pub(super) fn of(request: &StopRequest) -> Self {
        match request.clone() {
            StopRequest::Cancel { reason } => Self::Cancel { reason },
            StopRequest::Suspend { reason } => Self::Suspend { reason },
        }
    }

    pub(super) fn back(&self) -> StopRequest {
        match self {
            Self::Cancel { reason } => StopRequest::Cancel { reason: reason.clone() },
            Self::Suspend { reason } => StopRequest::Suspend { reason: reason.clone() },
        }
    }
}

impl StateV1 {
    pub(super) fn of(state: &State) -> Self {
        match state {
            State::Pending { due } => Self::Pending { due: due.as_micros() },
            State::Running { server } => Self::Running { server: *server },
            State::Retrying { due } => Self::Retrying { due: due.as_micros() },
            // The deadline stands in a section.
            State::Suspended { waiting: Waiting::Proceed | Waiting::ProceedBy(_) } => Self::Suspended { until: None },
            State::Suspended { waiting: Waiting::Until(at) } => Self::Suspended { until: Some(at.as_micros()) },
            State::Completed => Self::Completed,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
            State::Incompatible { by } => Self::Incompatible { by: by.0 },
        }
    }

    pub(super) fn back(&self, deadline: Option<i64>) -> State {
        let time = Timestamp::from_micros;
        match self {
            Self::Pending { due } => State::Pending { due: time(*due) },
            Self::Running { server } => State::Running { server: *server },
            Self::Retrying { due } => State::Retrying { due: time(*due) },
            Self::Suspended { until: None } => {
                State::Suspended { waiting: deadline.map_or(Waiting::Proceed, |at| Waiting::ProceedBy(time(at))) }
            }
            Self::Suspended { until: Some(at) } => State::Suspended { waiting: Waiting::Until(time(*at)) },
            Self::Completed => State::Completed,
            Self::Failed => State::Failed,
            Self::Cancelled => State::Cancelled,
            Self::Incompatible { by } => State::Incompatible { by: CodeMark(*by) },
        }
    }
}

impl PolicyV1 {
    pub(super) fn of(policy: &RetryPolicy) -> Self {
        let backoff = match &policy.backoff {
            Backoff::Fixed(wait) => BackoffV1::Fixed(*wait),
            Backoff::Exponential { base, factor, max, jitter } => {
                BackoffV1::Exponential { base: *base, factor: *factor, max: *max, jitter: *jitter }
            }
            Backoff::Delays(delays) => BackoffV1::Delays(delays.to_vec()),
        };
        Self {
            attempts_max: policy.attempts_max,
            crashes_max: policy.crashes_max,
            backoff,
            from_the_start: policy.resume == Resume::FromTheStart,
        }
    }

    pub(super) fn back(&self) -> RetryPolicy {
        let backoff = match &self.backoff {
            BackoffV1::Fixed(wait) => Backoff::Fixed(*wait),
            BackoffV1::Exponential { base, factor, max, jitter } => {
                Backoff::Exponential { base: *base, factor: *factor, max: *max, jitter: *jitter }
            }
            BackoffV1::Delays(delays) => Backoff::Delays(delays.as_slice().into()),
        };
        let resume = if self.from_the_start { Resume::FromTheStart } else { Resume::FromCheckpoint };
        RetryPolicy { attempts_max: self.attempts_max, crashes_max: self.crashes_max, backoff, resume }
    }
}

impl LastEndV1 {
    pub(super) const fn of(end: LastEnd) -> Self {
        match end {
            LastEnd::Never => Self::Never,
            LastEnd::Interrupted => Self::Interrupted,
            LastEnd::Crashed => Self::Crashed,
            LastEnd::Failed => Self::Failed,
            LastEnd::Suspended => Self::Suspended,
            LastEnd::Incompatible => Self::Incompatible,
        }
    }

    pub(super) const fn back(&self) -> LastEnd {
        match self {
            Self::Never => LastEnd::Never,
            Self::Interrupted => LastEnd::Interrupted,
            Self::Crashed => LastEnd::Crashed,
            Self::Failed => LastEnd::Failed,
            Self::Suspended => LastEnd::Suspended,
            Self::Incompatible => LastEnd::Incompatible,
        }
    }
}

impl CountsV1 {
    pub(super) const fn of(counts: Counts) -> Self {
        let Counts { failures, crashes, interruptions, suspensions, restarts_without_progress } = counts;
        Self { failures, crashes, interruptions, suspensions, restarts_without_progress }
    }

    pub(super) const fn back(&self) -> Counts {
        let Self { failures, crashes, interruptions, suspensions, restarts_without_progress } = *self;
        Counts { failures, crashes, interruptions, suspensions, restarts_without_progress }
    }
}

impl ProgressV1 {
    pub(super) fn of(progress: &Progress) -> Self {
        let Progress { step, done, total, message, unit: _, rate: _ } = progress.clone();
        Self { step, done, total, message }
    }

    pub(super) fn back(&self, pace: Option<&PaceV1>) -> Progress {
        Progress {
            step: self.step.clone(),
            done: self.done,
            total: self.total,
            unit: pace.map(|pace| pace.unit.clone()).unwrap_or_default(),
            message: self.message.clone(),
            rate: pace.and_then(|pace| pace.rate),
        }
    }
}

impl PaceV1 {
    pub(super) fn of(progress: &Progress) -> Option<Self> {
        let Progress { unit, rate, .. } = progress;
        (!unit.is_empty() || rate.is_some()).then(|| Self { unit: unit.clone(), rate: *rate })
    }
}
