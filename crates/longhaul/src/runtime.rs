//! The executor: claims runs and executes them. One loop or stage a file.
//!
//! ```text
//! fetch → a slot: resolve, perform (the only line that runs user code), conclude → settle
//! ```

mod abandon;
mod answer_time;
mod attempts;
mod autosave;
mod begin;
mod capacity;
mod claiming;
mod companions;
pub(crate) mod conclude;
mod declare;
#[cfg(feature = "metrics")]
mod depths;
mod executor;
mod exit;
mod fetch;
mod finished;
mod heartbeat;
mod incompatible;
mod life;
mod limit_key_holds;
mod marks;
mod perform;
mod ready;
mod reported_ends;
mod reports;
mod retention;
mod run_ends;
mod schedules;
mod settings;
mod settle;
mod shutdown;
mod slot;
mod start;
mod stop_requests;

pub(crate) use companions::Companions;
pub(crate) use executor::{Executor, Extensions};
pub(crate) use exit::Abandonment;
pub(crate) use heartbeat::Heart;
pub(crate) use life::Life;
pub(crate) use settings::Settings;
pub use shutdown::{ShutdownReport, StoppedRun};
