//! One attempt: what the executor and the task's context share of it, and how what it changes is saved.

mod capture;
mod info;
mod limit_key_hold;
mod published;
mod result_format;
mod save;
mod shared;
mod stop;
mod success;
mod times;

pub use info::{AttemptInfo, ResumedFrom};
pub use save::CapturedCheckpoint;
pub use stop::StopReason;
pub use success::CapturedSuccess;

pub(crate) use capture::{Capture, CaptureError, Captured, FinalState};
pub(crate) use limit_key_hold::LimitKeyHold;
pub(crate) use result_format::ResultFormat;
pub(crate) use save::{autosave, lend, save};
pub(crate) use shared::Attempt;
pub(crate) use success::lend_success;
