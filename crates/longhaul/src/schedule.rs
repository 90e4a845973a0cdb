//! Schedules as they are kept, and what follows for one at a time. When one is due is
//! [core's](longhaul_core::schedule); who looks after it is `runtime/schedules.rs`.

mod error;
mod held_back;
mod info;
mod json;
mod look;
mod new;
mod row;
mod runs;
mod step;

#[cfg(test)]
mod tests;

pub use error::{RunsError, SchedulesError};
pub use held_back::HeldBack;
pub use info::{ScheduleInfo, ScheduleOrigin, ScheduledRun};
pub use new::NewSchedule;
pub use row::{Changed, ScheduleCounts};
pub use runs::SCHEDULE_TAG;

pub(crate) use look::forget_finished;
#[cfg(feature = "testing")]
pub(crate) use look::is_behind;
pub(crate) use new::{Declared, Options, check_schedule, check_size};
pub(crate) use row::{Origin, Row};
pub(crate) use runs::schedule_actor;
pub(crate) use step::Step;
